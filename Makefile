# go test ./... needs nothing of this: what is here is the rest.

STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.8.2
ACTIONLINT  = github.com/rhysd/actionlint/cmd/actionlint@v1.7.12
FUZZTIME   ?= 30s
QEMU       ?= arm64 s390x riscv64
BSD         = freebsd/amd64 freebsd/arm64 netbsd/amd64 openbsd/amd64 dragonfly/amd64
SYSTEMS    ?= linux/amd64 linux/arm64 linux/386 linux/arm linux/riscv64 linux/s390x linux/ppc64le linux/ppc64 \
              linux/loong64 linux/mips64le linux/mips android/arm64 darwin/amd64 darwin/arm64 $(BSD) solaris/amd64 illumos/amd64 windows/amd64 windows/arm64
WINE       ?= ./parser ./poller ./conn ./server ./client ./ws ./nethttp
NOSOCKETS  ?= js/wasm wasip1/wasm plan9/amd64

.PHONY: test race lint actionlint fuzz bench pgo cross qemu wine show

test:
	go test ./...

race:
	go test -race ./...

lint:
	@files=$$(gofmt -l .); if [ -n "$$files" ]; then echo "gofmt -w $$files"; exit 1; fi
	go vet ./...
	go run $(STATICCHECK) ./...
	go test -tags lint -run '^TestSizes$$' ./docs

# The workflows of .github/workflows: their syntax, and the shell in them.
actionlint:
	go run $(ACTIONLINT) -color=false

# Every native fuzz target in turn, FUZZTIME each.
fuzz:
	@set -e; for p in $$(go list ./...); do \
		targets=$$(go test -list '^Fuzz' $$p); \
		for f in $$(echo "$$targets" | grep '^Fuzz' || true); do \
			echo "$$p $$f"; go test -run '^$$' -fuzz "^$$f\$$" -fuzztime $(FUZZTIME) $$p; \
		done; \
	done

# Everything beside its peers, in an hour and a half: bench/README.md. Of a package alone: go test -bench . ./parser
bench:
	cd bench && go run .

# The profile by which go build optimizes cmd/hello, and lurcher in bench/: see bench/pgo.
pgo:
	cd bench && go run ./pgo

# What can be said of systems that are not at hand: it compiles, tests included.
cross:
	@set -e; for s in $(SYSTEMS); do echo "vet $$s"; GOOS=$${s%/*} GOARCH=$${s#*/} CGO_ENABLED=0 go vet ./...; done
	@set -e; for s in $(NOSOCKETS); do echo "build $$s"; GOOS=$${s%/*} GOARCH=$${s#*/} go build ./...; done

# The two packages that depend on the machine, on others: 386 as it is, the rest emulated (Debian: qemu-user-static).
qemu:
	GOARCH=386 CGO_ENABLED=0 go test ./parser ./poller
	@set -e; for a in $(QEMU); do \
		q=$$(echo $$a | sed 's/arm64/aarch64/'); echo "GOARCH=$$a"; \
		GOARCH=$$a CGO_ENABLED=0 go test -exec qemu-$$q-static ./parser ./poller; \
	done

# Windows, as far as wine is Windows (Debian: wine64 gcc-mingw-w64-x86-64). Two examples are left out: wine cannot
# take a socket off its completion port, as Detach needs, and Go cannot send os.Interrupt to a process on Windows.
NOTWINE     = ^(ExampleConn_Detach|ExampleServer_Shutdown)$$
wine:
	GOOS=windows go test -exec $(CURDIR)/.ci/wine -short -timeout 10m -skip '$(NOTWINE)' $(WINE)

# What README.md says of memory, timers and clients that vanish, measured in full.
show:
	LURCHER_SHOW=1 go test -v -count 1 -timeout 20m -run '^TestShow' ./conn ./server ./cmd/hello
