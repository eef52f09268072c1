# shellcheck shell=bash
# Sourced by what uses the library as an application does. Whoever sources it has set root, the directory of the checkout, and sets
# work, a scratch directory, and out, where its programs go.

target=${CARGO_TARGET_DIR:-$root/target}
source=$root/tests/consumers
cc=${CC:-cc}
strict=(-std=c99 -Wall -Wextra -Wpedantic -Werror)
version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$root/Cargo.toml" | head -n 1)

fail() {
  echo "$*" >&2
  exit 1
}

quietly() {
  "$@" >"$work/log" 2>&1 || {
    cat "$work/log" >&2
    fail "This failed: $*"
  }
}

compile() {
  local name=$1
  shift
  quietly "$cc" "${strict[@]}" -o "$out/$name" "$@"
}

records_the_soname() {
  readelf -d "$1" | grep -q 'NEEDED.*\[libcodex\.so\.[0-9]*\]' ||
    fail "$1 does not record libcodex by its SONAME: $(readelf -d "$1" | grep NEEDED)"
}

# answers HOW COMMAND: the program prints the answer of the scripted runtime.
answers() {
  local how=$1 said
  shift
  said=$("$@") || fail "The program built $how fails: exit status $?."
  [ "$(sort -u <<<"$said")" = "Hello from the fake runtime." ] || fail "The program built $how says: $said"
  echo "ok - $how"
}
