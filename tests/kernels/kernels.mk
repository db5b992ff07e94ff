# SPDX-License-Identifier: GPL-2.0-only
# Other kernels than this machine's, in an emulator. Included by the Makefile.

test-kernels:
	$(call with-deps,test-kernels-run)
test-kernels-run: all targets
	$(Q)tests/kernels/run

.PHONY: test-kernels test-kernels-run
