# SPDX-License-Identifier: GPL-2.0-only
#
# The demo assistant and what it hears. Included by the Makefile; builds into $(OUTPUT)/assistants
# and $(OUTPUT)/corpus. The assistant takes neither the include paths nor the libraries of the rest.

ALICE_DIR := tests/assistants/alice
ALICE_BIN := $(OUTPUT)/assistants/alice
ALICE_SRC := $(sort $(wildcard $(ALICE_DIR)/*.c))
ALICE_BACKENDS := $(OUTPUT)/assistants/libalice-backends.so
ALICE_OBJ := $(patsubst $(ALICE_DIR)/%.c,$(OUTPUT)/assistants/obj/%.o,$(ALICE_SRC))

# Not link-time optimised and not stripped: it is built as a distribution would, with symbols.
ALICE_CFLAGS := -std=gnu11 -D_GNU_SOURCE -O2 -g -pthread -Wall -Wextra -Wshadow -Wstrict-prototypes \
	-Wmissing-prototypes -Wformat=2 -Wundef -Werror
# Other people's headers, as system headers: their warnings are not ours.
ALICE_INC = $(patsubst -I%,-isystem %,$(shell $(PKG_CONFIG) --cflags pocketsphinx sphinxbase \
	sqlite3 espeak-ng))
ALICE_LIBS = $(shell $(PKG_CONFIG) --libs pocketsphinx sphinxbase sqlite3 espeak-ng) \
	-lflite_cmu_us_slt -lflite_usenglish -lflite_cmulex -lflite -lm

CORPUS_DIR := $(OUTPUT)/corpus
CORPUS_STAMP := $(CORPUS_DIR)/.stamp
CORPUS_IN := $(addprefix tests/assistants/corpus/,make-corpus.sh make-lm.py utterances.tsv \
	commands.txt)

TEST_PROGRAMS += assistants

.PHONY: assistants corpus
assistants: $(ALICE_BIN) $(ALICE_BACKENDS) $(CORPUS_STAMP)
corpus: $(CORPUS_STAMP)

$(OUTPUT)/assistants/obj/%.o: $(ALICE_DIR)/%.c tests/assistants/assistants.mk
	@mkdir -p $(@D)
	$(call msg,CC,$@)
	$(Q)$(CC) $(ALICE_CFLAGS) $(ALICE_INC) -MMD -MP -c -o $@ $<

$(ALICE_BIN): $(ALICE_OBJ)
	$(call msg,LD,$@)
	$(Q)$(CC) -pthread -o $@ $^ -Wl,--as-needed $(ALICE_LIBS)

# What talks to servers is loaded only when it is asked for.
$(ALICE_BACKENDS): tests/assistants/backends/backends.c tests/assistants/assistants.mk
	@mkdir -p $(@D)/obj
	$(call msg,LD,$@)
	$(Q)$(CC) $(ALICE_CFLAGS) $(patsubst -I%,-isystem %,$(shell $(PKG_CONFIG) --cflags libpq hiredis)) \
		-fPIC -shared -MMD -MP -MF $(OUTPUT)/assistants/obj/libalice-backends.d -MT $@ -o $@ $< \
		-lpq -lhiredis

$(CORPUS_STAMP): $(CORPUS_IN)
	$(call msg,CORPUS,$@)
	$(Q)tests/assistants/corpus/make-corpus.sh $(CORPUS_DIR)
	@touch $@

-include $(ALICE_OBJ:.o=.d) $(wildcard $(OUTPUT)/assistants/obj/libalice-backends.d)
