/* SPDX-License-Identifier: GPL-2.0-only */
/* Objects with virtual functions that nobody deletes: most of one class, some of another. */
#include "program.h"

#include <cstring>

namespace voice
{
class Buffer
{
      public:
	virtual ~Buffer() = default;
	virtual size_t room() const = 0;
};

template <typename Sample> class AudioBuffer final : public Buffer
{
      public:
	size_t room() const override
	{
		return sizeof(samples);
	}
	Sample samples[120];
};

/* Of no other file: its name is compared by address. */
namespace
{
class Silence final : public Buffer
{
      public:
	size_t room() const override
	{
		return sizeof(nothing);
	}
	char nothing[240];
};
} // namespace
} // namespace voice

using Audio = voice::AudioBuffer<short>;

namespace
{
SITE voice::Buffer *keep(bool silent)
{
	if (silent)
		return new voice::Silence;
	return LEAKS_AT(new Audio);
}

size_t forget(struct worker *worker)
{
	bool silent = worker->leaked_cnt % 8 == 7;
	voice::Buffer *buffer = keep(silent);

	/* What the object holds, behind where it says what it is. */
	std::memset(reinterpret_cast<char *>(buffer) + sizeof(void *), 0x5a, buffer->room() - 8);
	return silent ? sizeof(voice::Silence) : sizeof(Audio);
}
} // namespace

extern "C" const struct program the_program = {
	usual_begin, usual_work, forget, 20000, 65536, 2,
};
