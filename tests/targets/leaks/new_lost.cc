/* SPDX-License-Identifier: GPL-2.0-only */
/* What a constructor takes by new[] is never given back: its class has no destructor. */
#include "program.h"

#include <memory>
#include <string>
#include <vector>

namespace
{
struct Turn {
	explicit Turn(std::string said) : text(std::move(said))
	{
	}
	std::string text;
};

class Recorder
{
      public:
	SITE explicit Recorder(std::size_t samples) : buffer(LEAKS_AT(new short[samples]))
	{
		touched(buffer, samples * sizeof(short));
	}

      private:
	short *buffer;
};

unsigned int converse(struct worker *worker)
{
	std::vector<std::unique_ptr<Turn>> turns;

	for (int i = 0; i < 4; i++)
		turns.push_back(std::make_unique<Turn>(std::string(draw(worker, 20, 200), 'x')));
	touched(&turns[0]->text[0], 8);
	return 4 + 4 + 3;
}

size_t record(struct worker *)
{
	constexpr std::size_t samples = 400;

	std::make_unique<Recorder>(samples);
	return samples * sizeof(short);
}
} // namespace

extern "C" const struct program the_program = {
	nullptr, converse, record, 20000, 65536, 2,
};
