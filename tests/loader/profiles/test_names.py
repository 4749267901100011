"""Profiles by name, and what is said for a name that is none."""

from __future__ import annotations

from copy import deepcopy

import pytest

from loader import UnknownProfile, profile
from loader.profiles import everywhere, families, versions


@pytest.mark.parametrize(
    ("name", "family", "version", "pages"),
    [
        ("glibc", "glibc", "2.42", 0x1000),
        ("glibc:2.17", "glibc", "2.17", 0x1000),
        ("glibc:2.36/64k", "glibc", "2.36", 0x10000),
        ("musl", "musl", "1.2.5", 0x1000),
        ("musl:1.1.20", "musl", "1.1.20", 0x1000),
        ("bionic", "bionic", "36", 0x1000),
        ("bionic:29", "bionic", "29", 0x1000),
        ("bionic:35/16k", "bionic", "35", 0x4000),
        ("windows-like", "windows-like", "2.42", 0x1000),
    ],
)
def test_a_name_is_family_version_and_pages(name: str, family: str, version: str, pages: int) -> None:
    made = profile(name)
    assert (made.name, made.family, made.version, made.page_size) == (name, family, version, pages)
    assert profile(name) is made
    assert deepcopy(made) is made


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("uclibc", "choose from glibc[:2.17 … 2.42], musl[:1.1.20 … 1.2.5], bionic[:21 … 36], windows-like"),
        ("", "choose from glibc"),
        ("glibc:2.43", "glibc is known from 2.17 to 2.42"),
        ("glibc:", "glibc is known from 2.17 to 2.42"),
        ("glibc:2.3", "glibc is known from"),
        ("musl:1.1.19", "musl is known from 1.1.20 to 1.2.5"),
        ("bionic:20", "bionic is known from 21 to 36"),
        ("windows-like:10", "windows-like has no versions"),
        ("bionic:34/16k", "bionic has 4 KB pages, from API level 35 on also 16 KB"),
        ("bionic/64k", "bionic has 4 KB pages"),
        ("glibc/8k", "pages are 4k, 16k, 64k"),
        ("glibc/", "pages are 4k, 16k, 64k"),
    ],
)
def test_a_wrong_name_says_on_one_line_what_there_is(name: str, words: str) -> None:
    with pytest.raises(UnknownProfile) as caught:
        profile(name)
    assert str(caught.value).startswith(f"unknown profile {name!r}: ")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_everywhere_is_every_version_of_the_real_ones() -> None:
    found = everywhere()
    names = [each.name for each in found]
    assert len(set(names)) == len(names)
    assert {each.family for each in found} == set(families()) - {"windows-like"}
    for family in ("glibc", "musl", "bionic"):
        assert {each.version for each in found if each.family == family} == set(versions(family))
    assert "bionic:36/16k" in names
    assert "bionic:34/16k" not in names
