"""Layer 5, bots."""

from __future__ import annotations

from tests.mutants.mutant import NOT_MOUNTED, Mutant

FOLDER = "app/layers/bots"
LOCAL = f"{FOLDER}/local"

MUTANTS = (
    Mutant(
        "bots",
        NOT_MOUNTED,
        "app/stack.py",
        '    Mount("bots", BotsMiddleware, "bots"),\n',
        "",
    ),
    Mutant(
        "bots",
        "refused programs are only logged",
        f"{FOLDER}/middleware.py",
        '            raise BotRefused("This request was refused.")\n',
        "            pass\n",
    ),
    Mutant(
        "bots",
        "a search engine is believed by its name",
        f"{LOCAL}/judge.py",
        "return Category.SEARCH_ENGINE if is_one else Category.IMPOSTOR",
        "return Category.SEARCH_ENGINE",
    ),
    Mutant(
        "bots",
        "one search engine's networks are every one's",
        f"{LOCAL}/search_engines.py",
        "*self._published.get(name, ())",
        "*(one for them in self._published.values() for one in them)",
    ),
    Mutant(
        "bots",
        "a name in reverse DNS need not lead back",
        f"{LOCAL}/reverse_dns.py",
        "if str(address) in found:",
        "if True:",
    ),
    Mutant(
        "bots",
        "a name in reverse DNS is compared as text",
        f"{LOCAL}/reverse_dns.py",
        "if any(name.is_subdomain(owner) for owner in owners):",
        "if any(str(name).endswith(str(owner)) for owner in owners):",
    ),
    Mutant(
        "bots",
        "every claim is looked up at once",
        f"{LOCAL}/reverse_dns.py",
        "if is_new and len(self._pending) < WAITING:",
        "if is_new:",
    ),
    Mutant(
        "bots",
        "a browser needs to send nothing that browsers send",
        f"{LOCAL}/consistency.py",
        "    if not site:\n        return [NO_FETCH_METADATA]\n",
        "    if not site:\n        return []\n",
    ),
    Mutant(
        "bots",
        "the TLS handshake of a browser is not looked at",
        f"{LOCAL}/consistency.py",
        "if sighting.greases is False:",
        "if False:",
    ),
    Mutant(
        "bots",
        "behaviour is not added up",
        f"{LOCAL}/judge.py",
        "score = by_headers + standing.score",
        "score = by_headers",
    ),
    Mutant(
        "bots",
        "the last of two user agents counts",
        f"{LOCAL}/judge.py",
        "if len(user_agents) > 1:",
        "if False:",
    ),
    Mutant(
        "bots",
        "names are matched in one spelling only",
        f"{LOCAL}/user_agents.py",
        'self._add(f"(?i){pattern}", category)',
        "self._add(pattern, category)",
    ),
    Mutant(
        "bots",
        "libraries copy public pages",
        f"{FOLDER}/policy.py",
        "if category in self._authenticated and route.is_public:",
        "if False:",
    ),
    Mutant(
        "bots",
        "Arcjet is waited for as long as it takes",
        f"{FOLDER}/arcjet/provider.py",
        "asyncio.timeout(self._timeout)",
        "asyncio.timeout(None)",
    ),
    Mutant(
        "bots",
        "without an answer from Arcjet all is allowed",
        f"{FOLDER}/arcjet/provider.py",
        "Decision.REFUSE if refuses else Decision.ALLOW",
        "Decision.ALLOW",
    ),
)
