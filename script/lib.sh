# What the scripts share; sourced, never run. Leaves the shell in the project's folder.
set -eu
cd "$(dirname "$0")/.."
ROOT=$(pwd)
PATH="$ROOT/.venv/bin:$PATH"
export PATH

say() { printf '%s\n' "$*" >&2; }
die() { say "$*"; exit 1; }
has() { command -v "$1" >/dev/null 2>&1; }
has_library() { ldconfig -p 2>/dev/null | grep -q "$1" || find /usr/lib /opt/homebrew/lib /usr/local/lib -name "$1*" 2>/dev/null | grep -q .; }
has_font() { has fc-list && fc-list : family | grep -q "$1"; }

# Where PostgreSQL's server programs are; Debian keeps them off the PATH.
postgres_bin() {
    if has initdb; then dirname "$(command -v initdb)"; return; fi
    for dir in /usr/lib/postgresql/*/bin; do [ -x "$dir/initdb" ] && found=$dir; done
    printf '%s' "${found:-}"
}

# The system's own, if it will do: distributions compile theirs with the profile of a run, which tools
# that build Python for a user leave out; without, it took a sixth more time to send mail. A Mac's
# own only offers to install Apple's tools.
find_python() {
    needed='import sys, venv; sys.exit(sys.version_info < (3, 11))'
    has uv || needed="import ensurepip; $needed"
    [ "$(uname)" = Darwin ] || ! /usr/bin/python3 -c "$needed" 2>/dev/null ||
        { printf /usr/bin/python3; return; }
    printf python3
}

# The Debian packages that are missing, for running ("run"), for tests too ("test"), or for all that
# script/bench measures ("bench").
missing_packages() {
    has python3 || printf ' python3'
    has uv || "$(find_python)" -c 'import ensurepip, venv' 2>/dev/null || printf ' python3-venv'
    has_library libpango-1.0 || printf ' libpango-1.0-0'
    has_library libpangoft2-1.0 || printf ' libpangoft2-1.0-0'
    has fc-list || printf ' fontconfig'
    has_font 'Noto Serif CJK HK' || printf ' fonts-noto-cjk'
    has_font 'AR PL UKai HK' || printf ' fonts-arphic-ukai'
    [ "$1" != run ] || return 0
    [ -n "$(postgres_bin)" ] || printf ' postgresql'
    has redis-server || printf ' redis-server'
    has rabbitmqctl || [ -d /usr/lib/rabbitmq ] || printf ' rabbitmq-server'
    has chromium || printf ' chromium'
    # What WeasyPrint cuts fonts down with by itself: the bench compares with that.
    has_library libharfbuzz-subset || printf ' libharfbuzz-subset0'
    [ "$1" = bench ] || return 0
    has wrk || printf ' wrk'
    has cc || printf ' gcc libc6-dev'
    has ip || printf ' iproute2'
}

# Installs what is missing when it may; otherwise says the exact command and stops, before
# anything else was done.
need_system() {
    packages=$(missing_packages "$1")
    [ -n "$packages" ] || return 0
    has apt-get || die "缺少系統套件（Debian 名稱）：$packages
請用本機的套件管理工具安裝後再試；macOS：brew install pango fontconfig font-noto-serif-cjk font-noto-sans-cjk postgresql redis rabbitmq"
    install="apt-get update && apt-get install -y --no-install-recommends$packages"
    if [ "$(id -u)" = 0 ]; then as_root=sh
    elif has sudo && sudo -n true 2>/dev/null; then as_root='sudo sh'
    else die "缺少系統套件，請先執行：
  sudo sh -c '$install'"
    fi
    say "安裝系統套件：$packages"
    DEBIAN_FRONTEND=noninteractive $as_root -c "$install" >&2 ||
        die "系統套件安裝失敗，請執行：
  sudo sh -c '$install'"
    packages=$(missing_packages "$1")
    [ -z "$packages" ] || die "安裝後仍然缺少：$packages"
}

# A virtual environment with exactly the pinned packages of the named files. The stamp makes a
# second run quick; it is written last, so a broken-off installation is done again.
need_python() {
    stamp=.venv/installed-$(basename "$1" .txt)
    [ -x .venv/bin/python ] && [ "$(cat "$stamp" 2>/dev/null)" = "$(tell_wanted "$@")" ] && return 0
    python=${PYTHON:-$(find_python)}
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
        die "需要 Python 3.11 或以上（可用 PYTHON= 指定），現有：$("$python" --version 2>&1)"
    say "安裝 Python 套件……"
    files=''
    for file in "$@"; do files="$files -r $file"; done
    if has uv; then
        [ -x .venv/bin/python ] || uv venv --quiet --python "$python" .venv
        # shellcheck disable=SC2086  # the file names are ours and hold no spaces
        uv pip install --quiet --python .venv/bin/python $files
    else
        [ -x .venv/bin/python ] || "$python" -m venv .venv
        # An environment that uv made has no pip.
        .venv/bin/python -m pip --version >/dev/null 2>&1 ||
            .venv/bin/python -m ensurepip --default-pip >/dev/null
        # shellcheck disable=SC2086
        .venv/bin/python -m pip install --quiet --disable-pip-version-check $files
    fi
    tell_wanted "$@" >"$stamp"
}

# Of an environment: what is in the files, and the Python, which the system may exchange under it.
tell_wanted() { { .venv/bin/python -V; cat "$@"; } | cksum; }

# The fonts of the PDF, made once from the installed ones.
need_fonts() {
    FONTS_DIR=${FONTS_DIR:-${VAR_DIR:-$ROOT/var}/fonts}
    export FONTS_DIR
    python -m briefings.press.fonts "$FONTS_DIR" >/dev/null
}

# Postfix's smtp-source and smtp-sink, with which sending is compared. Its package would make a mail
# server of this machine, so it is only unpacked; whoever has it has them already.
need_postfix() {
    unpacked=$ROOT/var/bench/postfix
    { [ -x /usr/sbin/smtp-sink ] || has smtp-sink || [ -x "$unpacked/usr/sbin/smtp-sink" ]; } && return 0
    has apt-get || { say "缺少 postfix 的 smtp-source 和 smtp-sink，寄送的比較會從缺。macOS：brew install postfix"; return 0; }
    say "下載 postfix（只解開，不安裝）……"
    rm -rf "$unpacked.part" && mkdir -p "$unpacked.part"
    (cd "$unpacked.part" && apt-get download -q postfix >/dev/null 2>&1 && dpkg -x postfix_*.deb .) ||
        { say "下載失敗，請先執行 sudo apt-get update，再執行：
  mkdir -p $unpacked && cd $unpacked && apt-get download postfix && dpkg -x postfix_*.deb ."; return 0; }
    rm -rf "$unpacked" && mv "$unpacked.part" "$unpacked"
}

need_to_run() { need_system run; need_python requirements.txt; need_fonts; }
need_to_bench() {
    need_system bench
    need_python requirements-dev.txt requirements.txt
    need_python requirements-bench.txt
    need_postfix
    need_fonts
}
need_to_test() { need_system test; need_python requirements-dev.txt requirements.txt; need_fonts; }
