import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.text.authors import clean_authors

NAMED: list[tuple[str, list[str]]] = [
    # Plain names stay as they are.
    ("Jane Doe", ["Jane Doe"]),
    ("Jean-Luc Picard", ["Jean-Luc Picard"]),
    ("Ludwig van Beethoven", ["Ludwig van Beethoven"]),
    ("Mary Jane Watson-Parker", ["Mary Jane Watson-Parker"]),
    ("Sinéad O'Brien", ["Sinéad O'Brien"]),
    ("O’Brien", ["O’Brien"]),
    ("J. K. Rowling", ["J. K. Rowling"]),
    ("J.R.R. Tolkien", ["J.R.R. Tolkien"]),
    ("John F. Kennedy", ["John F. Kennedy"]),
    ("Dr. Jane Doe", ["Dr. Jane Doe"]),
    ("Prof. Dr. Hans Müller", ["Prof. Dr. Hans Müller"]),
    ("Plato", ["Plato"]),
    ("bell hooks", ["bell hooks"]),
    ("JANE DOE", ["JANE DOE"]),
    ("jane doe", ["jane doe"]),
    ("José Ortega y Gasset", ["José Ortega y Gasset"]),
    ("Maria da Costa e Silva", ["Maria da Costa e Silva"]),
    ("Karl-Theodor zu Guttenberg", ["Karl-Theodor zu Guttenberg"]),
    ("张三", ["张三"]),
    ("山田 太郎", ["山田 太郎"]),
    ("홍길동 기자", ["홍길동"]),
    ("محمد عبد الله", ["محمد عبد الله"]),
    ("Иван Петров", ["Иван Петров"]),
    ("Γιώργος Παπαδόπουλος", ["Γιώργος Παπαδόπουλος"]),
    # What begins a byline goes; what begins a surname stays.
    ("By Jane Doe", ["Jane Doe"]),
    ("BY JANE DOE", ["JANE DOE"]),
    ("by Jane Doe", ["Jane Doe"]),
    ("By: Jane Doe", ["Jane Doe"]),
    ("Written by Jane Doe", ["Jane Doe"]),
    ("Author: Jane Doe", ["Jane Doe"]),
    ("Von Hans Müller", ["Hans Müller"]),
    ("von Hans Müller und Eva Schmidt", ["Hans Müller", "Eva Schmidt"]),
    ("Par Jeanne Dupont", ["Jeanne Dupont"]),
    ("Por Juan Pérez", ["Juan Pérez"]),
    ("Di Mario Rossi", ["Mario Rossi"]),
    ("Door Jan Jansen", ["Jan Jansen"]),
    ("von der Leyen", ["von der Leyen"]),
    ("Von der Leyen", ["Von der Leyen"]),
    ("Von Der Leyen", ["Von Der Leyen"]),
    ("VON DER LEYEN", ["VON DER LEYEN"]),
    ("Von Ursula von der Leyen", ["Ursula von der Leyen"]),
    ("Von Trapp", ["Von Trapp"]),
    ("Di Maio", ["Di Maio"]),
    ("Byron Smith", ["Byron Smith"]),
    ("Story by Jane Doe", ["Jane Doe"]),
    ("By By Jane Doe", ["Jane Doe"]),
    # More than one.
    ("By Jane Doe and John Smith", ["Jane Doe", "John Smith"]),
    ("Smith, Jones and Brown", ["Smith", "Jones", "Brown"]),
    ("Jane Doe, John Smith, and Ann Lee", ["Jane Doe", "John Smith", "Ann Lee"]),
    ("Jane Doe & John Smith", ["Jane Doe", "John Smith"]),
    ("Jane Doe; John Smith", ["Jane Doe", "John Smith"]),
    ("Jane Doe/John Smith", ["Jane Doe", "John Smith"]),
    ("Jeanne Dupont et Paul Durand", ["Jeanne Dupont", "Paul Durand"]),
    ("Ana López y Juan Pérez", ["Ana López", "Juan Pérez"]),
    ("Jan Jansen en Piet de Vries", ["Jan Jansen", "Piet de Vries"]),
    ("Erik Berg och Anna Lund", ["Erik Berg", "Anna Lund"]),
    ("Jane Doe with John Smith", ["Jane Doe", "John Smith"]),
    ("张三、李四", ["张三", "李四"]),
    ("Jane Doe et al.", ["Jane Doe"]),
    ("Jane Doe, photographs by John Smith", ["Jane Doe", "John Smith"]),
    # Doe, Jane.
    ("Doe, Jane", ["Jane Doe"]),
    ("Doe, Jane M.", ["Jane M. Doe"]),
    ("van Gogh, Vincent", ["Vincent van Gogh"]),
    ("Doe, Jane; Smith, John", ["Jane Doe", "John Smith"]),
    ("Doe, Xanthippe", ["Doe, Xanthippe"]),
    ("Thomas, Dylan", ["Thomas, Dylan"]),
    ("James, Robert", ["James, Robert"]),
    ("Madonna, John Lennon", ["Madonna", "John Lennon"]),
    # Agencies and papers count only where nobody is named.
    ("By Jane Doe and John Smith | Reuters", ["Jane Doe", "John Smith"]),
    ("Reuters", ["Reuters"]),
    ("By Reuters", ["Reuters"]),
    ("Reuters Staff", ["Reuters"]),
    ("The Associated Press", ["The Associated Press"]),
    ("By The Associated Press", ["The Associated Press"]),
    ("AFP", ["AFP"]),
    ("Jane Doe, Associated Press", ["Jane Doe"]),
    ("Jane Doe (Reuters)", ["Jane Doe"]),
    ("Jane Doe/AP", ["Jane Doe"]),
    ("AP | Jane Doe", ["Jane Doe"]),
    ("Jane Doe, CNN", ["Jane Doe"]),
    ("Jane Doe, The New York Times", ["Jane Doe"]),
    ("Jane Doe — Bloomberg", ["Jane Doe"]),
    ("Jane Doe for Reuters", ["Jane Doe"]),
    ("Jane Doe, BBC News", ["Jane Doe"]),
    ("BBC News", ["BBC News"]),
    ("The Editorial Board", ["The Editorial Board"]),
    ("Press Trust of India", ["Press Trust of India"]),
    ("Agence France-Presse in Paris", ["Agence France-Presse"]),
    ("Jane Doe and John Smith, CNN Business", ["Jane Doe", "John Smith"]),
    ("Staff and wire reports", ["wire reports"]),
    # Mail and web.
    ("jane@example.com (Jane Doe)", ["Jane Doe"]),
    ("Jane Doe <jane@example.com>", ["Jane Doe"]),
    ('"Jane Doe" <jane@example.com>', ["Jane Doe"]),
    ("Jane Doe (jane@example.com)", ["Jane Doe"]),
    ("Jane Doe <jane@example.com>, John Smith <john@example.com>", ["Jane Doe", "John Smith"]),
    ("mailto:jane@example.com", []),
    ("jane@example.com", []),
    ("noreply@example.com (admin)", []),
    ("https://example.com/authors/jane-doe", []),
    ("www.example.com", []),
    ("example.com", []),
    ("Jane Doe https://example.com/jane", ["Jane Doe"]),
    ("Jane Doe @janedoe", ["Jane Doe"]),
    # Titles, places and degrees.
    ("Jane Doe, Senior Correspondent in Berlin", ["Jane Doe"]),
    ("Jane Doe, Staff Writer", ["Jane Doe"]),
    ("Jane Doe Staff Writer", ["Jane Doe"]),
    ("Staff Writer Jane Doe", ["Jane Doe"]),
    ("Jane Doe Senior Correspondent", ["Jane Doe"]),
    ("Jane Doe, Political Editor, and John Smith, Reporter", ["Jane Doe", "John Smith"]),
    ("Jane Doe in Berlin", ["Jane Doe"]),
    ("Jane Doe, Berlin", ["Jane Doe"]),
    ("Jane Doe, New York", ["Jane Doe"]),
    ("Jane Doe in Berlin and John Smith in Paris", ["Jane Doe", "John Smith"]),
    ("Jane Doe, PhD", ["Jane Doe"]),
    ("Jane Doe, Professor of History", ["Jane Doe"]),
    ("Jane Doe, our correspondent", ["Jane Doe"]),
    ("Prince Harry, Duke of Sussex", ["Prince Harry"]),
    ("Martin Luther King, Jr.", ["Martin Luther King Jr."]),
    ("Henry Louis Gates Jr.", ["Henry Louis Gates Jr."]),
    ("Jane Doe.", ["Jane Doe"]),
    # Nobody.
    ("admin", []),
    ("Administrator", []),
    ("Staff", []),
    ("Staff Writer", []),
    ("By Staff Writer", []),
    ("STAFF REPORTER", []),
    ("editor", []),
    ("webmaster", []),
    ("News Desk", []),
    ("Guest Author", []),
    ("Redaktion", []),
    ("Rédaction", []),
    ("Anonymous", []),
    ("n/a", []),
    ("By", []),
    ("-", []),
    ("", []),
    ("2024", []),
]


@pytest.mark.parametrize(("byline", "names"), NAMED)
def test_a_byline_becomes_names(byline: str, names: list[str]) -> None:
    assert list(clean_authors([byline])) == names


@pytest.mark.parametrize(("byline", "names"), NAMED)
def test_names_stay_what_they_are(byline: str, names: list[str]) -> None:
    assert list(clean_authors(names)) == names


def test_each_is_named_once_and_in_order() -> None:
    values = ["John Smith", "By Jane Doe and JOHN SMITH", "Reuters", "jane doe", "Ann Lee"]
    assert clean_authors(values) == ("John Smith", "Jane Doe", "Ann Lee")


def test_of_organisations_alone_all_are_named() -> None:
    assert clean_authors(["Reuters", "AFP | AP", "reuters"]) == ("Reuters", "AFP", "AP")
    assert clean_authors([]) == ()


def test_a_very_long_byline_is_read_in_one_go() -> None:
    assert len(clean_authors([", ".join(f"Jane Doe{'e' * n}" for n in range(60))])) == 60
    for odd in ("(" * 50_000, "a@" * 50_000, "- " * 50_000, "By " * 30_000, "and A " * 30_000, ". " * 50_000):
        assert len(clean_authors([odd])) <= 2


WORDS = st.sampled_from(
    """By by Von von der Di and & y , , | / ; - ( ) < > . Jane Doe John Smith Reuters AP The Press Staff Writer Senior
    editor Jr. PhD in Berlin New York jane@a.example https://a.example/b @jane 张三 、 Doe, Jane, : " admin n/a Mary
    O'Brien J. for Thomas en with et al.""".split()
)


@given(st.lists(st.lists(WORDS, max_size=9).map(" ".join) | st.text(max_size=20), max_size=4))
def test_names_once_cleaned_are_clean(values: list[str]) -> None:
    once = clean_authors(values)
    assert clean_authors(once) == once
    assert len({name.casefold() for name in once}) == len(once)
    assert all(name and name == name.strip() for name in once)
