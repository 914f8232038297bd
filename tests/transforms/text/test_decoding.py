import encodings.aliases

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.text.decoding import decode, decode_exactly
from transforms.text.errors import WrongEncoding

FRENCH = "Le café où l’été à Genève"
POLISH = "Zażółć gęślą jaźń, wiadomości z Polski i świata, nowe ceny"
RUSSIAN = "Привет, мир. Это новости из Москвы о погоде и ценах."  # noqa: RUF001


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "cp1252", "cp1250"])
def test_french_is_read_in_every_encoding_that_shows_itself(encoding: str) -> None:
    text = FRENCH if encoding != "cp1250" else POLISH
    assert decode(text.encode(encoding)) == text


def test_utf16_without_a_mark_is_known_by_its_zeros() -> None:
    assert decode("Plain words".encode("utf-16-le")) == "Plain words"
    assert decode("Plain words".encode("utf-16-be")) == "Plain words"


def test_other_scripts_are_guessed() -> None:
    assert decode(RUSSIAN.encode("cp1251")) == RUSSIAN
    assert decode(RUSSIAN.encode("koi8-r")) == RUSSIAN


def test_valid_utf8_is_stronger_than_a_declaration() -> None:
    assert decode(FRENCH.encode(), "iso-8859-1") == FRENCH


def test_a_declaration_is_stronger_than_a_guess() -> None:
    assert decode("þorn".encode("cp1254", "ignore") + b"\xfe", "windows-1254") == "ornş"


def test_an_encoding_of_seven_bits_must_be_declared() -> None:
    assert decode("日本".encode("iso2022_jp"), "iso-2022-jp") == "日本"


@pytest.mark.parametrize("declared", ["no-such-code", "", "base64", "idna", "x" * 100])
def test_a_declaration_that_means_no_text_is_passed_over(declared: str) -> None:
    assert decode(FRENCH.encode("cp1252"), declared) == FRENCH


def test_utf8_with_a_broken_byte_stays_utf8() -> None:
    assert decode(("é" * 5).encode() + b"\xe9.") == "ééééé�."


@pytest.mark.parametrize(
    "data",
    [
        b"\x00\x01\x02\x03\x04\x05" * 9,
        b"GIF89a\x01\x00\x01\x00\x80\x00\x00\xff",
        b"No encoding: \x81\x8d\x8f\x90\x9d\xff\xfe\x81\x8d \x9d\x81\n" * 5,
    ],
)
def test_binary_data_is_no_text(data: bytes) -> None:
    with pytest.raises(WrongEncoding):
        decode(data)


def test_a_stray_control_character_does_not_make_text_binary() -> None:
    assert decode(b"fine\x08 text") == "fine\x08 text"


def test_the_users_encoding_is_taken_at_its_word() -> None:
    assert decode_exactly(b"\xb9", "iso-8859-2") == "š"
    with pytest.raises(WrongEncoding, match="byte 3 is not utf-8"):
        decode_exactly(b"caf\xe9", "utf-8")
    with pytest.raises(WrongEncoding, match="unknown encoding"):
        decode_exactly(b"", "latin-99")


@given(st.binary(max_size=300), st.sampled_from([None, "utf-16", "cp1252", "utf-7", "hz", "shift_jis", "big5"]))
def test_any_bytes_are_text_or_refused_by_name(data: bytes, declared: str | None) -> None:
    try:
        assert isinstance(decode(data, declared), str)
    except WrongEncoding:
        pass


@pytest.mark.parametrize(
    "name",
    ["zlib", "zip", "bz2", "hex", "base64", "uu", "quopri", "rot13", "idna", "punycode", "unicode_escape", "undefined"],
)
def test_a_codec_that_is_no_encoding_of_documents_is_none(name: str) -> None:
    assert decode("café".encode("cp1252"), name) == "café"
    with pytest.raises(WrongEncoding, match="unknown encoding"):
        decode_exactly(b"words", name)


def test_any_name_that_python_knows_is_an_encoding_or_none() -> None:
    for name in {*encodings.aliases.aliases, *encodings.aliases.aliases.values(), "\ud800", "a\x00b", "é"}:
        assert isinstance(decode("café".encode("cp1252"), name), str)
