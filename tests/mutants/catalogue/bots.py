"""Layer 5, bots."""

from __future__ import annotations

from tests.mutants.mutant import NOT_MOUNTED, Mutant

FOLDER = "app/layers/bots"

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
        '                    raise BotRefused("This request was refused.")\n',
        "                    pass\n",
    ),
    Mutant(
        "bots",
        "a search engine is believed by its name",
        f"{FOLDER}/judge.py",
        "claim.category is Category.SEARCH_ENGINE and not self._is_search_engine(client)",
        "False",
    ),
    Mutant(
        "bots",
        "a browser needs to send nothing that browsers send",
        f"{FOLDER}/judge.py",
        "spoofed = claim.sends_fetch_metadata and encrypted and not has_fetch_metadata",
        "spoofed = False",
    ),
    Mutant(
        "bots",
        "the last of two user agents counts",
        f"{FOLDER}/judge.py",
        "if len(user_agents) > 1:",
        "if False:",
    ),
    Mutant(
        "bots",
        "names are matched in one spelling only",
        f"{FOLDER}/user_agents.py",
        'self._add(f"(?i){pattern}", category)',
        "self._add(pattern, category)",
    ),
)
