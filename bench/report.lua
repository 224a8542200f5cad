-- wrk's figures on one line: answers a second, median and 95th percentile in milliseconds, answers,
-- errors.
function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format("REPORT %.2f %.3f %.3f %d %d\n",
    summary.requests / summary.duration * 1e6,
    latency:percentile(50) / 1000,
    latency:percentile(95) / 1000,
    summary.requests,
    e.connect + e.read + e.write + e.status + e.timeout))
end
