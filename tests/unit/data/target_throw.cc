/* SPDX-License-Identifier: GPL-2.0-only */
#include <string>
#include <vector>

extern "C" long other_work(long a, long b);

namespace fixture
{
struct Engine {
	std::string name;
	long decode(long a, long b);
	long decode(const std::string &text);
};

long Engine::decode(long a, long b)
{
	std::string copy = name + "x";

	if (a == 2)
		throw std::string("bad");
	return other_work(a, b) + (long)copy.size();
}

long Engine::decode(const std::string &text)
{
	return (long)text.size();
}
}

extern "C" long fixture_throw(long a, long b)
{
	fixture::Engine engine;

	engine.name = "engine";
	try {
		return engine.decode(a, b);
	} catch (const std::string &what) {
		return (long)what.size() + engine.decode(what);
	}
}
