# shellcheck shell=bash
# Sourced by what checks codex-fetch-runtime: an npm registry on the loopback that serves one package. Whoever sources it has set
# root, the directory of the checkout, and work, a scratch directory, and has a function fail, which says a sentence and ends.

fetcher=$root/packaging/codex-fetch-runtime
pinned=$(sed -n 's/^pinned=//p' "$fetcher")

# publish PLATFORM EXECUTABLE FETCH: the package for PLATFORM has EXECUTABLE for a runtime; FETCH becomes the script with its sum.
publish() {
  local contents=$work/contents/package/vendor/target tarballs=$work/registry/@openai/codex/- checksum
  package=$pinned-$1
  mkdir -p "$contents/bin" "$contents/codex-path" "$tarballs"
  install -m 755 "$2" "$contents/bin/codex"
  echo '{}' >"$contents/codex-package.json"
  echo '{"name": "@openai/codex", "version": "'"$package"'"}' >"$work/contents/package/package.json"
  tar -czf "$tarballs/codex-$package.tgz" -C "$work/contents" package
  checksum=$(sha512sum "$tarballs/codex-$package.tgz" | cut -d ' ' -f 1)
  sed "s/^$package .*/$package $checksum/" "$fetcher" >"$3"
  chmod +x "$3"
}

# Serves it: to npm by its description, below npm_registry; to others at the address that registries have for it, below registry.
serve() {
  python3 -u -m http.server 0 --bind 127.0.0.1 --directory "$work" >"$work/server" 2>&1 &
  server=$!
  local port
  for _ in $(seq 600); do
    port=$(sed -n 's/.* port \([0-9]*\) .*/\1/p' "$work/server")
    [ -z "$port" ] || break
    sleep 0.1
  done
  [ -n "$port" ] || fail "The registry of this test does not start: $(cat "$work/server")"
  registry=http://127.0.0.1:$port/registry
  npm_registry=http://127.0.0.1:$port/npm
  mkdir -p "$work/npm/@openai"
  cat >"$work/npm/@openai/codex" <<END
{"name": "@openai/codex", "dist-tags": {"latest": "$package"}, "versions": {"$package": {"name": "@openai/codex",
 "version": "$package", "dist": {"tarball": "$registry/@openai/codex/-/codex-$package.tgz"}}}}
END
}

stop() {
  [ -z "${server:-}" ] || kill "$server" 2>/dev/null || true
  rm -rf "$work"
}
