/* A doubt is shown in the source and in the result at once: the one that was asked for gets the
   focus, the other comes into view beside it. */
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-doubt]");
  if (!link) return;
  event.preventDefault();
  const number = link.dataset.doubt;
  const wanted = document.getElementById(link.hash.slice(1));
  for (const doubt of document.querySelectorAll(".doubt.is-shown")) doubt.classList.remove("is-shown");
  for (const side of ["source", "result"]) {
    const doubt = document.getElementById(`${side}-doubt-${number}`);
    doubt.classList.add("is-shown");
    const pane = doubt.closest(".pane");
    pane.scrollTop += doubt.getBoundingClientRect().top - pane.getBoundingClientRect().top - 80;
  }
  wanted.scrollIntoView({ block: "nearest" });
  wanted.focus({ preventScroll: true });
});
