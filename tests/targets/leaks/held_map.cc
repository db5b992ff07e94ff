/* SPDX-License-Identifier: GPL-2.0-only */
/* A map of sessions that is only ever added to: all of it can still be reached. */
#include "program.h"

#include <map>
#include <mutex>
#include <string>

namespace
{
struct Session {
	std::uint64_t began;
	char state[160];
};

std::map<std::uint64_t, Session> sessions;
std::mutex sessions_lock;
std::uint64_t next_id;

SITE size_t session_remember(struct worker *worker)
{
	std::lock_guard<std::mutex> guard(sessions_lock);
	Session session{worker->blocks, {}};

	touched(session.state, sizeof(session.state));
	LEAKS_AT(sessions.emplace(next_id++, session));
	return sizeof(std::pair<const std::uint64_t, Session>) + 32;
}

unsigned int look_up(struct worker *worker)
{
	std::map<std::string, std::string> headers;

	for (int i = 0; i < 5; i++)
		headers[std::string(20 + i, 'k')] = std::string(draw(worker, 20, 300), 'v');
	touched(&headers.begin()->second[0], 8);
	return 5 * 3;
}
} // namespace

extern "C" const struct program the_program = {
	nullptr, look_up, session_remember, 20000, 65536, 2,
};
