# SPDX-License-Identifier: GPL-2.0-only
"""What the assistant knows: phrases and the answers to them, in SQLite."""

import sqlite3

CONTENT = """
CREATE VIRTUAL TABLE phrases USING fts5(phrase, intent UNINDEXED);
INSERT INTO phrases VALUES
 ('what time is it', 'time'),
 ('turn on the kitchen bedroom living room light lights', 'lights'),
 ('turn off the kitchen bedroom living room light lights', 'lights'),
 ('set a timer for minutes', 'timer'),
 ('play some music', 'music'),
 ('stop the music', 'music'),
 ('what is the weather today tomorrow', 'weather'),
 ('open lock the front garage door', 'door'),
 ('go forward backward meter meters somewhere and do something', 'move'),
 ('ace jack queen king lady of clubs hearts diamonds spades', 'cards'),
 ('one two three four five six seven eight nine ten', 'cards');
CREATE TABLE answers (intent TEXT PRIMARY KEY, template TEXT NOT NULL);
INSERT INTO answers VALUES
 ('time', 'It is ten past four.'),
 ('lights', 'Okay, I {words}.'),
 ('timer', 'All right, I {words}.'),
 ('music', 'I {words}. Enjoy.'),
 ('weather', 'It will be sunny, with light wind from the west.'),
 ('door', 'I {words} now.'),
 ('move', 'I {words}. Please stand clear.'),
 ('cards', 'You have {words}. Nobody can beat that.');
"""
SORRY = "I am sorry, I did not understand."


class Knowledge:
    """A data base of one user; any thread may use it, one at a time."""

    def __init__(self):
        self.base = sqlite3.connect(":memory:", check_same_thread=False)
        self.base.executescript(CONTENT)

    def find_intent(self, text):
        words = " OR ".join(f'"{word}"' for word in text.split())
        row = self.base.execute(
            "SELECT intent FROM phrases WHERE phrases MATCH ? ORDER BY rank LIMIT 1", (words,)
        ).fetchone()
        return row[0] if row else None

    def find_answer(self, intent, text):
        row = self.base.execute(
            "SELECT template FROM answers WHERE intent = ?", (intent,)
        ).fetchone()
        return row[0].replace("{words}", text) if row else SORRY
