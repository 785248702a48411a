"""Finding answers by whatever people type: Chinese, full pinyin, initials, English, with a slip of the finger. Pure.

A query is compared with titles, keywords and answers, and the best way of matching counts. Scores are only good for ordering.
A few dozen documents are compared one by one; see ``spots`` for thousands of places.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from math import log

from yikatong.guide.spelling import has_chinese, initials_of, plain

LATIN_LENGTH_MIN = 2
_ENGLISH = re.compile(r"[a-z0-9]+(?:'[a-z]+)?")
_SMALL_WORDS = frozenset(
    re.findall(
        r"\w+",
        "a an and are at be but by can do does for from have how i if in is it may me must my no not of on or our so that the "
        "them they this to was we what when where which who why will with you your",
    )
)
_SIMILAR = 0.8
_WHOLE_TITLE = 1000.0
_ASKING = re.compile(
    r"请问|怎么样|怎么办|怎样|如何|怎么|什么|为什么|是不是|能不能|可不可以|可以|吗|呢|么|的|了|我|要|有没有|一下"
)
_SHARE_MIN = 0.34
"""At least so much of what was typed must occur somewhere, weighed by how rare it is."""


@dataclass(frozen=True, slots=True)
class Document:
    """One question as the search sees it. ``pinyin``: phrases (title, then keywords) parted by ``|``, syllables by blanks."""

    code: str
    title_zh: str
    title_en: str
    keywords: tuple[str, ...]
    answer_zh: str
    answer_en: str
    pinyin: str


class _Prepared:
    """A document with everything that is compared made ready once."""

    __slots__ = (
        "answer",
        "document",
        "english",
        "english_title",
        "grams",
        "initials",
        "keywords",
        "spelt",
        "title",
        "title_en",
    )

    def __init__(self, document: Document) -> None:
        self.document = document
        self.title_en = plain(document.title_en)
        self.title, self.answer = plain(document.title_zh), plain(document.answer_zh)
        self.keywords = [plain(word) for word in document.keywords]
        self.grams = set(grams("".join([self.title, *self.keywords, self.answer])))
        phrases = [phrase.split() for phrase in document.pinyin.split("|") if phrase]
        self.spelt = ["".join(parts) for parts in phrases]
        self.initials = [initials_of(parts) for parts in phrases]
        self.english_title = set(words_of(document.title_en)) | {w for k in document.keywords for w in words_of(k)}
        self.english = self.english_title | set(words_of(document.answer_en))


def grams(text: str) -> list[str]:
    """Pairs of neighbouring characters, the unit in which Chinese is compared; a single character stands for itself."""
    return [text[at : at + 2] for at in range(len(text) - 1)] or ([text] if text else [])


def words_of(text: str) -> list[str]:
    """English words in lower case without endings of number, and without words that carry nothing."""
    return [_stem(word) for word in _ENGLISH.findall(text.lower()) if word not in _SMALL_WORDS]


def _stem(word: str) -> str:
    for ending, rest in (("ies", "y"), ("sses", "ss"), ("ing", ""), ("ed", ""), ("s", "")):
        if word.endswith(ending) and len(word) - len(ending) >= 3 and not word.endswith("ss"):
            return word[: -len(ending)] + rest
    return word


class QuestionSearch:
    """Documents made ready for many searches."""

    def __init__(self, documents: Sequence[Document]) -> None:
        self._prepared = [_Prepared(document) for document in documents]
        seen = Counter(gram for each in self._prepared for gram in each.grams)
        count = len(documents)
        self._rarity = {gram: log((count + 1) / times) for gram, times in seen.items()}
        self._unknown_rarity = log(count + 1)

    def find(self, query: str) -> list[str]:
        """Codes of the fitting documents, best first; empty when nothing fits."""
        asked = query.strip()[:80]
        if not plain(asked):
            return []
        score_of = self._chinese_score if has_chinese(asked) else self._latin_score
        scored = [(score_of(each, asked), -place) for place, each in enumerate(self._prepared)]
        return [self._prepared[-place].document.code for score, place in sorted(scored, reverse=True) if score > 0]

    def _chinese_score(self, each: _Prepared, query: str) -> float:
        whole = plain(query)
        core = plain(_ASKING.sub(" ", query)) or whole
        score = _WHOLE_TITLE if whole == each.title else 0.0
        for text, weight in ((each.title, 60.0), *((word, 50.0) for word in each.keywords), (each.answer, 20.0)):
            if core in text:
                score = max(score, weight + 20.0 * len(core) / len(text))
            elif len(text) >= 2 and text in core and text in each.keywords:
                score = max(score, 30.0 + len(text))
        asked = grams(core)
        all_weight = sum(self._rarity.get(gram, self._unknown_rarity) for gram in asked)
        found = sum(self._rarity[gram] for gram in asked if gram in each.grams)
        in_title = sum(self._rarity[gram] for gram in asked if gram in self._rarity and gram in each.title)
        if all_weight and found / all_weight >= _SHARE_MIN:
            score = max(score, 25.0 * found / all_weight + 15.0 * in_title / all_weight)
        latin = words_of(query)
        return score + (5.0 * len(set(latin) & each.english) if score else 0.0)

    def _latin_score(self, each: _Prepared, query: str) -> float:
        letters = plain(query)
        if len(letters) < LATIN_LENGTH_MIN:
            return 0.0
        score = self._english_score(each, words_of(query))
        if letters == each.title_en:
            score = _WHOLE_TITLE
        for place, (spelt, initials) in enumerate(zip(each.spelt, each.initials, strict=True)):
            weight = 40.0 if place == 0 else 45.0
            for text in (spelt, initials):
                if letters == text:
                    score = max(score, weight + 30.0)
                elif letters in text:
                    score = max(score, weight + 15.0 * len(letters) / len(text) + 5.0 * text.startswith(letters))
            if len(letters) >= 5 and abs(len(spelt) - len(letters)) <= 2 and _similar(letters, spelt) >= _SIMILAR:
                score = max(score, weight - 10.0)
        return score

    def _english_score(self, each: _Prepared, asked: list[str]) -> float:
        score = 0.0
        for word in asked:
            if word in each.english_title:
                score += 40.0
            elif word in each.english:
                score += 12.0
            elif len(word) >= 3 and any(other.startswith(word) for other in each.english_title):
                score += 25.0
            elif len(word) >= 5 and any(_is_slip(word, other) for other in each.english_title):
                score += 20.0
            elif len(word) >= 5 and any(_is_slip(word, other) for other in each.english):
                score += 6.0
            else:
                score -= 10.0
        return score / len(asked) if asked and score > 0 else 0.0


def _similar(one: str, other: str) -> float:
    return SequenceMatcher(None, one, other, autojunk=False).ratio()


def _is_slip(typed: str, word: str) -> bool:
    return abs(len(typed) - len(word)) <= 2 and typed[0] == word[0] and _similar(typed, word) >= _SIMILAR


def marked(text: str, query: str) -> Iterator[tuple[str, bool]]:
    """A text in pieces, with whether each is something that was typed: for highlighting."""
    wanted = {
        part for part in [query.strip(), *re.split(r"\s+", _ASKING.sub(" ", query))] if len(part) >= 1 and plain(part)
    }
    if has_chinese(query):
        core = plain(_ASKING.sub(" ", query))
        wanted |= {core[at : at + size] for size in (4, 3, 2) for at in range(max(0, len(core) - size + 1))}
    else:
        wanted = {part for part in wanted if len(part) >= LATIN_LENGTH_MIN and part.lower() not in _SMALL_WORDS}
    if not wanted:
        yield text, False
        return
    pattern = re.compile("|".join(re.escape(part) for part in sorted(wanted, key=len, reverse=True)), re.IGNORECASE)
    at = 0
    for found in pattern.finditer(text):
        if found.start() > at:
            yield text[at : found.start()], False
        yield found[0], True
        at = found.end()
    if at < len(text):
        yield text[at:], False
