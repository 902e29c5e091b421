"""Layer 5, bots: what clients did before."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

FOLDER = "app/layers/bots/local/behaviour"
TESTS = "tests/layers/test_bots_behaviour"
STUFFING = "tests/attacks/test_bots_stuffing.py"

MUTANTS = (
    Mutant(
        "bots",
        "a honeypot is a path like others",
        f"{FOLDER}/traces.py",
        "        evidence.counts[Signal.HONEYPOT] += 1\n",
        "        pass\n",
        first=f"{TESTS}.py",
    ),
    Mutant(
        "bots",
        "any page can have its visitors refused",
        f"{FOLDER}/traces.py",
        '    return f"{client} cross-site" if scope["method"] in SENT_WITHOUT_ORIGIN else client\n',
        "    return client\n",
        first=f"{TESTS}.py",
    ),
    Mutant(
        "bots",
        "what another site is said to have asked is held against nobody",
        "app/layers/bots/local/provider.py",
        "self._memory.saw(client_of(scope), seen_of(scope, status))",
        'self._memory.saw(client_of(scope).removesuffix(" cross-site"), seen_of(scope, status))',
        first="tests/attacks/test_bots_behaviour.py",
    ),
    Mutant(
        "bots",
        "failed logins are hidden by naming another site",
        f"{FOLDER}/traces.py",
        'if scope["method"] in SENT_WITHOUT_ORIGIN else client',
        "if True else client",
        first=f"{TESTS}.py",
    ),
    Mutant(
        "bots",
        "identifiers are walked through unseen",
        f"{FOLDER}/record.py",
        "        self._add(Signal.IDENTIFIERS, new - new_blocks)\n",
        "        self._add(Signal.IDENTIFIERS, 0)\n",
        first=f"{TESTS}_identifiers.py",
    ),
    Mutant(
        "bots",
        "who takes the whole day is never noticed",
        f"{FOLDER}/signals.py",
        "for counts, scales in ((fast, FAST), (slow, SLOW)):",
        "for counts, scales in ((fast, FAST),):",
        first=f"{TESTS}.py",
    ),
    Mutant(
        "bots",
        "errors among good answers count against a client",
        f"{FOLDER}/signals.py",
        "            if signal is Signal.ERRORS and not _is_mostly_errors(counts):\n",
        "            if False:\n",
        first=f"{TESTS}.py",
    ),
    Mutant(
        "bots",
        "a worker remembers clients without end",
        f"{FOLDER}/local_table.py",
        "        if len(self._new) >= self._half or now",
        "        if now",
        first=f"{TESTS}_memory.py",
    ),
    Mutant(
        "bots",
        "Redis remembers clients without end",
        f"{FOLDER}/redis_store.py",
        "(left <= SPAN or size + clients > half)",
        "left <= SPAN",
        first=f"{TESTS}_redis.py",
    ),
    Mutant(
        "bots",
        "records in Redis never end",
        f"{FOLDER}/redis_store.py",
        "if redis.call('PTTL', newer) == -1 then redis.call('PEXPIRE', newer, 2 * SPAN) end\n",
        "",
        first=f"{TESTS}_redis.py",
    ),
    Mutant(
        "bots",
        "a worker never hears what the others saw",
        f"{FOLDER}/engine.py",
        "                turn.known.hear(record, now)\n",
        "                pass\n",
        first=f"{TESTS}_workers.py",
    ),
    Mutant(
        "bots",
        "a worker whose trip will not be cancelled never ends",
        f"{FOLDER}/engine.py",
        "        self._is_closed = True\n",
        "",
        first=f"{TESTS}_workers.py",
    ),
    Mutant(
        "bots",
        "suspects are held without end",
        f"{FOLDER}/holding.py",
        "        if self.held >= self._places:\n            return False\n",
        "",
        first=f"{TESTS}_workers.py",
    ),
    Mutant(
        "bots",
        "an address fails to log in to any number of accounts",
        f"{FOLDER}/engine.py",
        "        known.fresh.peers |= 1 << digest_of(account, self._key)[0]\n",
        "",
        first=STUFFING,
    ),
    Mutant(
        "bots",
        "strangers guess at a besieged account as at any",
        f"{FOLDER}/engine.py",
        "[Signal.TARGETED_ACCOUNT] += is_targeted\n",
        "[Signal.TARGETED_ACCOUNT] += 0\n",
        first=STUFFING,
    ),
    Mutant(
        "bots",
        "a guess that the account's limit refused is none",
        f"{FOLDER}/logins.py",
        "    except (failure, RateLimited):\n",
        "    except failure:\n",
        first=STUFFING,
    ),
)
