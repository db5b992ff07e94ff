# SPDX-License-Identifier: GPL-2.0-only
# The long form of tests/live/test_crash.py; CRASHES= and CRASH_SEED= may be given.

test-crash:
	$(call with-deps,test-crash-run)
test-crash-run: test-programs
	$(Q)CRASHES=$(or $(CRASHES),100) tests/live/run test_crash
.PHONY: test-crash test-crash-run
