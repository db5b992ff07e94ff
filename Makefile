# SPDX-License-Identifier: GPL-2.0-only
# One file, no recursion.  `make help` lists the targets; V=1 shows the commands.

OUTPUT   ?= build
prefix   ?= /usr/local
CLANG    ?= clang
BPFTOOL  ?= $(shell command -v bpftool || echo /usr/sbin/bpftool)
CXX      ?= g++
PKG_CONFIG ?= pkg-config
STRIP    ?= strip
NM       ?= nm
OBJCOPY  ?= objcopy
HOST_ARCH := $(shell uname -m | sed -e 's/x86_64/x86/' -e 's/aarch64/arm64/')
ARCH     ?= $(HOST_ARCH)
VERSION  := $(shell git describe --always --dirty 2>/dev/null || echo unknown)

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SECONDARY:

ifeq ($(filter $(ARCH),x86 arm64),)
$(error architecture '$(ARCH)' is not supported: the ones that are are x86 (x86-64) and arm64)
endif

# For another architecture: ARCH=arm64 SYSROOT=a root file system with its libraries (tests/kernels).
ifneq ($(ARCH),$(HOST_ARCH))
ifeq ($(SYSROOT),)
$(error ARCH=$(ARCH) on this machine needs SYSROOT=, a root file system with the libraries of $(ARCH))
endif
TRIPLET  := $(if $(filter arm64,$(ARCH)),aarch64,x86_64)-linux-gnu
CC       := $(TRIPLET)-gcc --sysroot=$(SYSROOT)
CXX      := $(TRIPLET)-g++ --sysroot=$(SYSROOT)
AR       := $(TRIPLET)-ar
STRIP    := $(TRIPLET)-strip
OBJCOPY  := $(TRIPLET)-objcopy
NM       := $(TRIPLET)-nm
PKG_CONFIG := PKG_CONFIG_SYSROOT_DIR=$(SYSROOT) \
	PKG_CONFIG_LIBDIR=$(SYSROOT)/usr/lib/$(TRIPLET)/pkgconfig:$(SYSROOT)/usr/share/pkgconfig \
	$(PKG_CONFIG)
# Objects of two architectures do not mix: one folder each, one skeleton each.
override OUTPUT := $(OUTPUT)/$(ARCH)
endif

ifeq ($(V),1)
Q =
msg =
else
Q = @
msg = @printf '  %-8s %s\n' "$(1)" "$(patsubst $(OUTPUT)/%,%,$(2))";
endif

# --- what a fresh Debian 12 machine needs -------------------------------------------------------

DEPS := ca-certificates gcc g++ make pkg-config clang llvm libbpf-dev bpftool libdw-dev libelf-dev \
	zlib1g-dev liblzma-dev libcapstone-dev libfyaml-dev libjson-c-dev libcap-ng-dev \
	libseccomp-dev libiberty-dev libdebuginfod1 libcmocka-dev libclang-rt-14-dev clang-format clang-tidy \
	cppcheck python3 binutils lld xz-utils pocketsphinx pocketsphinx-en-us \
	pocketsphinx-testdata libpocketsphinx-dev espeak-ng libespeak-ng-dev flite flite1-dev libsqlite3-dev sqlite3 sox \
	libpq-dev libhiredis-dev redis-tools postgresql rsyslog sysstat bpftrace libbpf-tools libpcre2-dev \
	iproute2 python3-fusepy python3-pocketsphinx python3-aiohttp qemu-system-x86 busybox-static cpio \
	musl-tools libjemalloc2 libtcmalloc-minimal4 libmimalloc2.0 $(DEPS_MORE)
MISSING = $(shell dpkg-query -W -f '$${db:Status-Status} $${Package}\n' $(DEPS) 2>/dev/null | \
	awk -v want='$(DEPS)' '$$1 == "installed" { have[$$2] = 1 } \
		END { n = split(want, w, " "); for (i = 1; i <= n; i++) if (!(w[i] in have)) print w[i] }')

deps:
	@missing="$(strip $(MISSING))"; if [ -n "$$missing" ]; then \
		echo "installing: $$missing"; \
		apt-get update -qq && \
		DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing; \
	else echo "nothing is missing"; fi
	@$(promtool)
	@$(engines)
	@$(pythons)
engines:
	@$(engines)

# Tests compare with promtool; its package is not installed, since that would start a server.
promtool = tests/tools/promtool.sh $(OUTPUT)/tools || echo "what compares with promtool is skipped"

# Speech engines for the tests, unpacked only: about 100 MB are fetched.
engines = tests/tools/engines.sh $(OUTPUT)/engines || echo "the tests of engines that are missing are skipped"

# Interpreters for the tests, unpacked only: about 60 MB each in ~/.cache/cheshire.
pythons = FETCH_S=40 tests/python/fetch 3.9 3.11 3.13 3.14

# demo, test and bench install what is missing by themselves, then start over with it there.
with-deps = @if [ -n "$(strip $(MISSING))" ]; then $(MAKE) --no-print-directory deps; fi; \
	$(MAKE) -j$(shell nproc) --no-print-directory $(1)

# --- flags --------------------------------------------------------------------------------------

PKGS     := libbpf libdw libelf zlib liblzma capstone libfyaml json-c libcap-ng libseccomp libpcre2-8
NEEDS_PKGS := $(filter-out help clean deps engines demo test test-hazards test-leaks test-kernels bench format%,$(or $(MAKECMDGOALS),all))
ifneq ($(NEEDS_PKGS),)
ifneq ($(shell $(PKG_CONFIG) --atleast-version=1.1 libbpf && echo yes),yes)
$(error need libbpf >= 1.1 and the other libraries: run 'make deps' as root)
endif
endif

WARN     := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wformat=2 -Wundef -Werror
CFLAGS   ?= -g -O2
COMMON_CFLAGS = -std=gnu11 $(WARN) $(CFLAGS) -D_GNU_SOURCE \
	-Iinclude -Isrc -I$(OUTPUT) $(shell $(PKG_CONFIG) --cflags $(PKGS))
LDLIBS   = $(shell $(PKG_CONFIG) --libs $(PKGS)) -liberty -lpthread -lm
SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
DEPFLAGS  = -MMD -MP -MF $(@:.o=.d)
BPF_CFLAGS := -g -O2 -target bpf -mcpu=v3 -Wall -Wextra -Wshadow -Wno-unused-parameter -Werror -D__TARGET_ARCH_$(ARCH) \
	-Ivmlinux -Iinclude -Ibpf

# --- the BPF side: objects, one linked object, one skeleton --------------------------------------

# maps.bpf.o first: libbpf 1.1 links calls of non-static functions wrongly when the maps come later.
# Objects of their own, loaded by themselves: the self-test, and what hunts for leaks.
OWN_SRCS := bpf/alloc.bpf.c bpf/selftest.bpf.c
BPF_SRCS := bpf/maps.bpf.c $(filter-out bpf/maps.bpf.c $(OWN_SRCS),$(sort $(wildcard bpf/*.bpf.c)))
BPF_OBJS := $(BPF_SRCS:%.c=$(OUTPUT)/%.o)
OWN_OBJS := $(OWN_SRCS:%.c=$(OUTPUT)/%.o)
OWN_SKEL := $(OWN_SRCS:bpf/%.bpf.c=$(OUTPUT)/%.skel.h)
SKEL     := $(OUTPUT)/cheshire.skel.h $(OWN_SKEL)

$(OUTPUT)/bpf/%.bpf.o: bpf/%.bpf.c Makefile
	$(call msg,BPF,$@)
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) $(DEPFLAGS) -c $< -o $@

$(OUTPUT)/cheshire.linked.o: $(BPF_OBJS)
	$(call msg,LINKBPF,$@)
	$(Q)$(BPFTOOL) gen object $@ $^

$(OUTPUT)/cheshire.skel.h: $(OUTPUT)/cheshire.linked.o
	$(call msg,SKEL,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name cheshire_bpf > $@
$(OWN_SKEL): $(OUTPUT)/%.skel.h: $(OUTPUT)/bpf/%.bpf.o
	$(call msg,SKEL,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name $*_bpf > $@

# --- data embedded in the binary: the catalogue and the built-in configuration -------------------

EMBEDDED := $(sort $(wildcard src/engines/*.yaml src/config/*.yaml))
EMBED_C  := $(OUTPUT)/embed.c

$(EMBED_C): $(EMBEDDED) Makefile
	$(call msg,EMBED,$@)
	@mkdir -p $(@D)
	$(Q){ echo '/* Generated from the YAML files under src/. */'; \
	  echo '#include "config/embedded.h"'; \
	  n=0; for f in $(EMBEDDED); do \
	    echo "static const char data_$$n[] = {"; \
	    od -An -v -tu1 $$f | sed -e 's/[0-9][0-9]*/&,/g'; echo '0 };'; n=$$((n + 1)); done; \
	  echo 'const struct embedded embedded_files[] = {'; \
	  n=0; for f in $(EMBEDDED); do \
	    echo "	{ \"$${f#src/}\", data_$$n, sizeof(data_$$n) - 1 },"; n=$$((n + 1)); done; \
	  echo '};'; echo "const size_t embedded_files_n = $$n;"; } > $@

# --- the binary ---------------------------------------------------------------------------------

SRCS     := $(sort $(wildcard src/*/*.c))
LIB_OBJS := $(SRCS:%.c=$(OUTPUT)/%.o) $(OUTPUT)/embed.o
SAN_OBJS := $(SRCS:%.c=$(OUTPUT)/san/%.o) $(OUTPUT)/san/embed.o
FUZZ_OBJS := $(SRCS:%.c=$(OUTPUT)/fuzz/%.o) $(OUTPUT)/fuzz/embed.o

all: $(OUTPUT)/cheshire

$(OUTPUT)/cheshire: $(OUTPUT)/src/main.o $(LIB_OBJS)
	$(call msg,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $^ $(LDLIBS) -o $@

# Of all files only these change with every commit.
VERSION_FLAG = -DCHESHIRE_VERSION='"$(VERSION)"'
VERSIONED = $(OUTPUT)/src/main.o $(foreach kind,san/ fuzz/,$(OUTPUT)/$(kind)src/watch/publish_hello.o) \
	$(OUTPUT)/src/watch/publish_hello.o
$(VERSIONED): CPPFLAGS += $(VERSION_FLAG)
$(VERSIONED): $(OUTPUT)/version

# Written when it is another one than before.
$(OUTPUT)/version: .FORCE
	@mkdir -p $(@D)
	@echo '$(VERSION)' | cmp -s - $@ || echo '$(VERSION)' >$@
.FORCE:

# Order-only: after one build the .d files know who includes the skeleton.
$(OUTPUT)/src/main.o $(LIB_OBJS) $(SAN_OBJS) $(FUZZ_OBJS): | $(SKEL)

$(OUTPUT)/%.o: %.c Makefile
	$(call msg,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(COMMON_CFLAGS) $(CPPFLAGS) $(DEPFLAGS) -c $< -o $@
$(OUTPUT)/embed.o: $(EMBED_C)
	$(call msg,CC,$@)
	$(Q)$(CC) $(COMMON_CFLAGS) $(CPPFLAGS) $(DEPFLAGS) -c $< -o $@
$(OUTPUT)/san/embed.o: $(EMBED_C)
	@mkdir -p $(@D)
	$(Q)$(CC) $(COMMON_CFLAGS) $(CPPFLAGS) $(SANITIZE) $(DEPFLAGS) -c $< -o $@
$(OUTPUT)/san/%.o: %.c Makefile
	$(call msg,CC SAN,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(COMMON_CFLAGS) $(CPPFLAGS) -O1 $(SANITIZE) --coverage $(DEPFLAGS) -c $< -o $@
FUZZ_CFLAGS = $(COMMON_CFLAGS) -O1 -fsanitize=fuzzer-no-link,address,undefined
$(OUTPUT)/fuzz/embed.o: $(EMBED_C)
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(FUZZ_CFLAGS) $(CPPFLAGS) $(DEPFLAGS) -c $< -o $@
$(OUTPUT)/fuzz/%.o: %.c Makefile
	$(call msg,CC FUZZ,$@)
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(FUZZ_CFLAGS) $(CPPFLAGS) $(DEPFLAGS) -c $< -o $@

# Libraries without the main program, so that a test links only what it calls.
$(OUTPUT)/libcheshire-san.a: $(SAN_OBJS)
	$(call msg,AR,$@)
	$(Q)rm -f $@; $(AR) rcs $@ $^
$(OUTPUT)/libcheshire-fuzz.a: $(FUZZ_OBJS)
	$(call msg,AR,$@)
	$(Q)rm -f $@; $(AR) rcs $@ $^

# --- tests --------------------------------------------------------------------------------------

UNIT     := $(patsubst tests/unit/%.c,$(OUTPUT)/tests/unit/%,$(sort $(wildcard tests/unit/test_*.c)))
FUZZERS  := $(patsubst tests/fuzz/%.c,$(OUTPUT)/tests/fuzz/%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))

$(OUTPUT)/tests/unit/%: tests/unit/%.c $(OUTPUT)/libcheshire-san.a
	$(call msg,UNIT,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(COMMON_CFLAGS) -O1 $(SANITIZE) -MMD -MP -MF $@.d $< $(OUTPUT)/libcheshire-san.a \
		$(LDLIBS) -lcmocka -ldl -lgcov -o $@
$(OUTPUT)/tests/fuzz/%: tests/fuzz/%.c $(OUTPUT)/libcheshire-fuzz.a
	$(call msg,FUZZ,$@)
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(COMMON_CFLAGS) -Wno-missing-prototypes -O1 -fsanitize=fuzzer,address,undefined \
		-MMD -MP -MF $@.d $< $(OUTPUT)/libcheshire-fuzz.a $(LDLIBS) -o $@

-include $(wildcard tests/*/*.mk)

# Everything that tests/run runs; filled by the included files too.
TEST_PROGRAMS += $(UNIT) $(FUZZERS)
test-programs: all $(TEST_PROGRAMS)

test:
	@$(promtool)
	@$(engines)
	@$(pythons)
	$(call with-deps,test-all)
# Every version that is to be had, with and without a shared library, and more calls.
test-python: all
	$(Q)FETCH_S=120 tests/python/fetch 3.9 3.11 3.12 3.13 3.14
	$(Q)PYTHON_VERSIONS=all tests/live/run python_version
test-all: test-programs
	$(Q)tests/run
unit: $(UNIT)
	$(Q)tests/run unit
check: test-programs
	$(Q)tests/run unit fuzz bpf
demo:
	$(call with-deps,demo-run)
demo-run: all assistants
	$(Q)tests/assistants/demo
bench:
	$(call with-deps,bench-run)
bench-run: test-programs
	$(Q)tests/bench/run

# --- style --------------------------------------------------------------------------------------

FORMATTED = $(sort $(wildcard bpf/*.[ch] src/*.[ch] src/*/*.[ch] include/*/*.h tests/*/*.[ch] \
	tests/*/*/*.[ch]))
format:
	$(Q)clang-format -i $(FORMATTED)
format-check:
	$(Q)clang-format --dry-run --Werror $(FORMATTED)
headers-check:
	$(Q)for h in $(sort $(wildcard include/*/*.h src/*/*.h)); do \
		printf '#include "%s"\n' "$${h#*/}" | \
		$(CC) $(COMMON_CFLAGS) -x c -fsyntax-only - || exit 1; done

# --- install ------------------------------------------------------------------------------------

install: all
	install -D -m 0755 $(OUTPUT)/cheshire $(DESTDIR)$(prefix)/sbin/cheshire

# vmlinux/vmlinux.h is kept small by hand; this shows what this kernel says of the same types.
vmlinux:
	$(BPFTOOL) btf dump file /sys/kernel/btf/vmlinux format c > $(OUTPUT)/vmlinux-full.h

clean:
	$(Q)rm -rf $(OUTPUT)

help:
	@echo 'make            build/cheshire'
	@echo 'make deps       install what is missing (Debian 12, root)'
	@echo 'make engines    fetch the speech engines of the tests (build/engines)'
	@echo 'make demo       watch the demo assistant for about a minute and a half (root)'
	@echo 'make test       all tests (root)'
	@echo 'make test-hazards  what kills targets elsewhere, in its long form (root)'
	@echo 'make test-kernels  the live tests in other kernels, emulated (half an hour)'
	@echo 'make test-python   CPython 3.9 to 3.14, each with and without a shared library (root)'
	@echo 'make check      the tests that need no root'
	@echo 'make test-leaks every program that leaks and every one that does not, with the score (root, a quarter of an hour)'
	@echo 'make test-crash kill cheshire a hundred times, starve it of memory, disk and readers (root)'
	@echo 'make bench      measure, side by side with bpftrace (root)'
	@echo 'make static     format, self-contained headers, clang-tidy, cppcheck'
	@echo 'make format     clang-format the sources;  make format-check only looks'
	@echo 'make install    DESTDIR=, prefix='
	@echo 'make clean      remove build/'
	@echo 'V=1 shows the commands; OUTPUT= puts everything elsewhere'

.PHONY: all deps engines test test-all test-python test-programs unit check demo demo-run bench bench-run format \
	format-check headers-check install vmlinux clean help

-include $(BPF_OBJS:.o=.d) $(OWN_OBJS:.o=.d) $(LIB_OBJS:.o=.d) $(OUTPUT)/src/main.d $(SAN_OBJS:.o=.d) \
	$(FUZZ_OBJS:.o=.d) $(UNIT:=.d) $(FUZZERS:=.d)
