"""What a refusal says of the mailbox: from its words first, then from its status code.

Words first, because many a system gives every refusal the same code, and says with 5.1.1 or 550
that it takes us for spammers. Where nothing is sure the answer is SOFT: a member who loses a
newsletter by our mistake is worse than one more copy to nobody.
"""

import re

from subscribers.bounces.reports import ReportKind

# Enhanced (RFC 3463), and neither an address of the Internet nor a version number.
_ENHANCED = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?!\.?\d)")
_BASIC = re.compile(r"(?<![\d.])([45]\d\d)(?=[ -])")

# In this order: the first that fits decides.
_WORDS = (
    (
        ReportKind.POLICY,
        r"""
        message\ (size|is\ too|too)\b | message\ exceeds | size\ of\ the\ message | maxsize
        | exceed\w{0,4}\ mailsize | spam | dmarc | \bspf\b | \bdkim\b | black.?list | block.?list
        | \bblocked\b | reputation | unsolicited | \bpolicy\b | frequency\ limit | rate.?limit
        | content\ (denied|rejected) | virus | authentication | unauthenticated
        | not\ authorized | not\ allowed\ to\ send | restricted | \[TSS
        | suspected\ bounce | sender\ (address|verify|denied|rejected) | bad\ helo
        | 垃圾邮件 | 垃圾郵件 | 黑名单 | 黑名單 | 频率 | 頻率 | 频繁 | 頻繁 | 敏感 | 违规 | 違規
        """,
    ),
    (
        ReportKind.SOFT,
        r"""
        over\ ?quota | quota\W+(is\ )?(exceeded|full) | exceed\w{0,4}\ .{0,30}quota | quota\ exceed
        | (mailbox|inbox|mail\ folder|storage).{0,40}(\bfull\b|exceed|limit)
        | out\ of\ (storage|space) | insufficient\ (system\ |disk\ )?(storage|space)
        | (邮箱|郵箱|信箱|空间|空間|容量).{0,12}(满|滿|不足|超出|超過|超过|限制)
        | 超(出|過|过).{0,6}(容量|配額|配额|空間|空间)
        | receiving\ mail\ (too\ quickly|at\ a\ rate) | gr[ae]y.?list
        | temporar | try\ (again\ )?later | timed?\ ?-?out | expired | too\ long | too\ many\ hops
        | \bloop | connection\ (refused|lost|reset|closed) | rejected\ by\ recipients
        | 暂时 | 暫時 | 稍后 | 稍後 | 超时 | 逾時
        """,
    ),
    (
        ReportKind.HARD,
        r"""
        user\ unknown | unknown\ (user|recipient|address|mailbox|local)
        | (no|any)\ such\ (user|recipient|address|mailbox|account|person|domain)
        | no\ (mailbox|account|user)\ (here|by|with) | no\ valid\ recipient
        | (user|recipients?|mailbox|account|address|domain|host)\b.{0,60}?
          (not\ (be\ )?found|couldn.t\ be\ found|(does\ not|doesn.t|not)\ exist|is\ unknown
          |unknown|\binvalid|disabled|inactive|suspended|no\ longer|unavailable|deactivated)
        | invalid\ (recipient|address|mailbox|user) | non-?existent | nxdomain | null\ mx
        | doesn.t\ have\ an?\ .{1,40}\ account | recip(ient)?notfound | does\ not\ accept\ mail
        | 5\.4\.1\ recipient\ address\ rejected:\ access\ denied | not\ our\ customer
        | (用户|用戶|收件人|地址|邮箱|郵箱|信箱|帐号|账号|帳號|帳戶|域名).{0,12}
          (不存在|未找到|找不到|停用|禁用|注销|註銷|冻结|凍結|无效|無效)
        | 不存在的?(用户|用戶|收件人|邮箱|郵箱|帳號)
        | (查無|无|無)此(用户|用戶|使用者|收件人|帳號|账号|人)
        """,
    ),
)
_JUDGEMENTS = [(kind, re.compile(words, re.IGNORECASE | re.VERBOSE)) for kind, words in _WORDS]

_STATUSES = (
    (ReportKind.HARD, re.compile(r"5\.1\.(1|2|3|6|10)|5\.2\.1|5\.4\.(4|310)")),
    (ReportKind.POLICY, re.compile(r"5\.1\.[78]|5\.2\.3|5\.3\.4|5\.[567]\.\d+")),
)


def judge(status: str, text: str, unsure: ReportKind = ReportKind.SOFT) -> ReportKind:
    """HARD, SOFT or POLICY; `unsure` where neither words nor status say."""
    kind = judge_words(text) or _judge_status(status) or unsure
    if kind == ReportKind.HARD and _is_passing(status, text):
        return ReportKind.SOFT
    return kind


def judge_words(text: str) -> ReportKind | None:
    """What the words alone say; None if nothing."""
    on_one_line = " ".join(text.split())
    return next((kind for kind, words in _JUDGEMENTS if words.search(on_one_line)), None)


def find_status(text: str) -> str:
    """The enhanced status code in a server's answer, or ""."""
    found = _ENHANCED.search(text)
    return found[1] if found else ""


def has_code(text: str) -> bool:
    """Whether a server's answer is quoted in it."""
    return bool(_BASIC.search(text) or _ENHANCED.search(text))


def _judge_status(status: str) -> ReportKind | None:
    return next((kind for kind, codes in _STATUSES if codes.fullmatch(status)), None)


def _is_passing(status: str, text: str) -> bool:
    """A temporary answer (4xx), however it is worded; the last one counts of those quoted."""
    if status:
        return status.startswith("4")
    codes = _BASIC.findall(text)
    return bool(codes) and codes[-1].startswith("4")
