# SPDX-License-Identifier: GPL-2.0-only
# Other kernels than this machine's, in an emulator. Included by the Makefile.

# Beside DEPS, which has what the kernels of this machine's architecture need.
DEPS_KERNELS := qemu-system-arm gcc-aarch64-linux-gnu g++-aarch64-linux-gnu

test-kernels:
	$(Q)$(MAKE) --no-print-directory deps DEPS_MORE="$(DEPS_KERNELS)"
	$(Q)$(MAKE) --no-print-directory test-kernels-run
test-kernels-run: all targets
	$(Q)tests/kernels/run

.PHONY: test-kernels test-kernels-run
