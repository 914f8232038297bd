# ruff: noqa: RUF001  Greek and Cyrillic letters that look like Latin ones are meant.
"""Names of months in European languages, without regard to case and accents."""

import unicodedata
from typing import Final

MONTH_NAMES: Final = {
    "English": "jan january, feb february, mar march, apr april, may, jun june, jul july, aug august,"
    " sep sept september, oct october, nov november, dec december",
    "German": "jan januar jänner, feb februar feber, mär mrz märz, apr april, mai, jun juni, jul juli, aug august,"
    " sep sept september, okt oktober, nov november, dez dezember",
    "French": "janv janvier, févr fév février, mars, avr avril, mai, juin, juil juillet, août aoû, sept septembre,"
    " oct octobre, nov novembre, déc décembre",
    "Spanish": "ene enero, feb febrero, mar marzo, abr abril, may mayo, jun junio, jul julio, ago agosto,"
    " sep sept set septiembre setiembre, oct octubre, nov noviembre, dic diciembre",
    "Italian": "gen gennaio, feb febbraio, mar marzo, apr aprile, mag maggio, giu giugno, lug luglio, ago agosto,"
    " set sett settembre, ott ottobre, nov novembre, dic dicembre",
    "Portuguese": "jan janeiro, fev fevereiro, mar março, abr abril, mai maio, jun junho, jul julho, ago agosto,"
    " set setembro, out outubro, nov novembro, dez dezembro",
    "Catalan": "gen gener, febr febrer, març, abr abril, maig, juny, jul juliol, ago agost, set setembre, oct octubre,"
    " nov novembre, des desembre",
    "Romanian": "ian ianuarie, febr februarie, mart martie, apr aprilie, mai, iun iunie, iul iulie, aug august,"
    " sept septembrie, oct octombrie, noi noiembrie, dec decembrie",
    "Dutch": "jan januari, feb februari, mrt maart, apr april, mei, jun juni, jul juli, aug augustus,"
    " sep sept september, okt oktober, nov november, dec december",
    "Swedish": "jan januari, feb februari, mars, apr april, maj, juni, juli, aug augusti, sep sept september,"
    " okt oktober, nov november, dec december",
    "Danish": "jan januar, feb februar, marts, apr april, maj, juni, juli, aug august, sep sept september, okt oktober,"
    " nov november, dec december",
    "Norwegian": "jan januar, feb februar, mars, apr april, mai, juni, juli, aug august, sep sept september,"
    " okt oktober, nov november, des desember",
    "Finnish": "tammi tammikuuta, helmi helmikuuta, maalis maaliskuuta, huhti huhtikuuta, touko toukokuuta,"
    " kesä kesäkuuta, heinä heinäkuuta, elo elokuuta, syys syyskuuta, loka lokakuuta, marras marraskuuta,"
    " joulu joulukuuta",
    "Polish": "sty stycznia styczeń, lut lutego luty, mar marca marzec, kwi kwietnia kwiecień, maj maja,"
    " cze czerwca czerwiec, lip lipca lipiec, sie sierpnia sierpień, wrz września wrzesień,"
    " paź października październik, lis listopada listopad, gru grudnia grudzień",
    "Czech": "led ledna leden, úno února únor, bře března březen, dub dubna duben, kvě května květen,"
    " čvn června červen, čvc července červenec, srp srpna srpen, zář září, říj října říjen, lis listopadu listopad,"
    " pro prosince prosinec",
    "Slovak": "jan januára január, feb februára február, mar marca marec, apr apríla apríl, máj mája, jún júna,"
    " júl júla, aug augusta august, sep septembra september, okt októbra október, nov novembra november,"
    " dec decembra december",
    "Hungarian": "jan január, feb febr február, márc március, ápr április, máj május, jún június, júl július,"
    " aug augusztus, szept szeptember, okt október, nov november, dec december",
    "Turkish": "oca ocak, şub şubat, mar mart, nis nisan, may mayıs, haz haziran, tem temmuz, ağu ağustos, eyl eylül,"
    " eki ekim, kas kasım, ara aralık",
    "Greek": "ιαν ιανουαρίου ιανουάριος, φεβ φεβρουαρίου φεβρουάριος, μαρ μαρτίου μάρτιος, απρ απριλίου απρίλιος,"
    " μαϊ μάι μαΐου μάιος, ιουν ιουνίου ιούνιος, ιουλ ιουλίου ιούλιος, αυγ αυγούστου αύγουστος,"
    " σεπ σεπτεμβρίου σεπτέμβριος, οκτ οκτωβρίου οκτώβριος, νοε νοεμβρίου νοέμβριος, δεκ δεκεμβρίου δεκέμβριος",
    "Russian": "янв января январь, фев февр февраля февраль, мар марта март, апр апреля апрель, мая май,"
    " июн июня июнь, июл июля июль, авг августа август, сен сент сентября сентябрь, окт октября октябрь,"
    " ноя нояб ноября ноябрь, дек декабря декабрь",
    "Ukrainian": "січ січня, лют лютого, бер березня, кві квітня, тра травня, чер червня, лип липня, сер серпня,"
    " вер вересня, жов жовтня, лис листопада, гру грудня",
    "Bulgarian": "яну януари, фев февруари, март, апр април, май, юни, юли, авг август, сеп септември, окт октомври,"
    " ное ноември, дек декември",
}
"""The names of each of the twelve, in the forms that dates have. Croatian is left out, for its listopada is October."""


def folded(text: str) -> str:
    """The text in lower case, without accents and invisible characters, compatibility forms as what they stand for."""
    if text.isascii():
        return text.lower()
    parts = unicodedata.normalize("NFKD", text.lower()).replace("ı", "i").replace("ς", "σ")
    return "".join(part for part in parts if unicodedata.category(part) not in ("Mn", "Cf"))


MONTHS: Final = {
    folded(name): number
    for names in MONTH_NAMES.values()
    for number, forms in enumerate(names.split(","), start=1)
    for name in forms.split()
}
"""The number of each name, as `folded` gives it. A test holds that no name is that of two months."""
