"""Names of companies, people and places: invented, business-like, in three countries' scripts.

Mail and web domains are reserved ones (RFC 2606), US telephone numbers are from 555-01xx.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from random import Random

from adapters.emulation.deck import Deck
from adapters.emulation.world import AddressFact

Name = tuple[str, str]
"""As written, and in plain letters for a mail address."""


def _plain(*names: str) -> tuple[Name, ...]:
    return tuple((name, ascii_letters(name)) for name in names)


def ascii_letters(text: str) -> str:
    """A lower-case slug: ``Müller & Söhne`` is ``mueller-soehne``."""
    for written, plain in (("ä", "ae"), ("ö", "oe"), ("ü", "ue"), ("ß", "ss"), ("'", ""), (".", "")):
        text = text.lower().replace(written, plain)
    folded = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return "-".join("".join(char if char.isalnum() else " " for char in folded).split())


@dataclass(frozen=True, slots=True)
class Country:
    """What names, addresses and tax ids look like in one country. ``family_first``: 山本 花子."""

    code: str
    roots: tuple[Name, ...]
    trades: tuple[Name, ...]
    legal_forms: tuple[str, ...]
    joined: str
    given: tuple[Name, ...]
    family: tuple[Name, ...]
    family_first: bool
    streets: tuple[str, ...]
    places: tuple[tuple[str, str | None, str], ...]
    phone: str
    tax_id: str


US = Country(
    code="US",
    roots=_plain(
        "O'Brien", "Northwind", "Cedar Ridge", "Harbor Point", "D'Angelo", "Bluestem", "Lakeshore", "Summit",
        "Redwood", "Granite State", "Prairie", "Beacon Hill", "Ironbridge", "Silver Creek", "Oak & Anchor",
        "Pioneer", "Chesapeake", "Keystone", "Palmetto", "Frontier", "Whitfield", "McAllister", "Sandoval",
        "O'Connor", "Tidewater",
    ),
    trades=_plain(
        "Logistics", "Analytics", "Medical Supply", "Foods", "Robotics", "Freight", "Software", "Insurance",
        "Media", "Outfitters", "Energy", "Biotech", "Retail Group", "Manufacturing", "Hospitality",
    ),
    legal_forms=("Inc.", "LLC", "Corp."),
    joined=" ",
    given=_plain("Grace", "Maria", "James", "Aisha", "Daniel", "Zoë", "Robert", "Priya", "Samuel", "Chloe"),
    family=_plain("O'Brien", "Nguyen", "García", "Johnson", "Patel", "D'Amico", "Williams", "Okafor", "Lee"),
    family_first=False,
    streets=("{n} Market Street", "{n} N. Michigan Ave", "{n} Peachtree Rd", "{n} St. Mary's Pl"),
    places=(
        ("Chicago", "IL", "60601"), ("Austin", "TX", "78701"), ("Boston", "MA", "02108"),
        ("Seattle", "WA", "98101"), ("Coeur d'Alene", "ID", "83814"),
    ),
    phone="+1 312 555 01{:02d}",
    tax_id="##-#######",
)  # fmt: skip
DE = Country(
    code="DE",
    roots=_plain(
        "Müller & Söhne", "Brückner", "Schäfer", "Rheinland", "Weiß", "Hansa", "Jäger", "Nordsee",
        "Vogtländer", "Schröder", "Alpenblick", "König", "Großmann", "Isar", "Böhm", "Spree", "Lübecker",
        "Krüger",
    ),
    trades=_plain(
        "Maschinenbau", "Logistik", "Medizintechnik", "Lebensmittel", "Softwarehaus", "Gebäudetechnik",
        "Werkzeuge", "Energie", "Verlag", "Möbel", "Chemie", "Präzisionsteile",
    ),
    legal_forms=("GmbH", "AG", "GmbH & Co. KG", "SE"),
    joined=" ",
    given=_plain("Jürgen", "Käthe", "Anna", "Lukas", "Björn", "Sabine", "Emre", "Franziska", "Jörg", "Mia"),
    family=_plain("Müller", "Schäfer", "Weiß", "Yılmaz", "Köhler", "Fischer", "Groß", "Becker", "von Bülow"),
    family_first=False,
    streets=("Königstraße {n}", "Am Mühlenbach {n}", "Goethestr. {n}", "Industriestraße {n}"),
    places=(
        ("München", None, "80331"), ("Köln", None, "50667"), ("Hamburg", None, "20095"),
        ("Düsseldorf", None, "40213"), ("Görlitz", None, "02826"),
    ),
    phone="+49 30 23125 0{:02d}",
    tax_id="DE#########",
)  # fmt: skip
JP = Country(
    code="JP",
    roots=(
        ("山本", "yamamoto"), ("佐藤", "sato"), ("さくら", "sakura"), ("東海", "tokai"),
        ("富士見", "fujimi"), ("北斗", "hokuto"), ("渡辺", "watanabe"), ("みらい", "mirai"),
        ("高橋", "takahashi"), ("青葉", "aoba"),
        ("瀬戸内", "setouchi"), ("小林", "kobayashi"), ("あさひ", "asahi"), ("中村", "nakamura"),
    ),
    trades=(
        ("製作所", "works"), ("商事", "trading"), ("食品", "foods"), ("物流", "logistics"), ("電機", "denki"),
        ("システムズ", "systems"), ("建設", "kensetsu"), ("メディカル", "medical"), ("化学", "kagaku"),
    ),
    legal_forms=("株式会社", "合同会社"),
    joined="",
    given=(
        ("花子", "hanako"), ("太郎", "taro"), ("陽菜", "hina"), ("健一", "kenichi"), ("美咲", "misaki"),
        ("大輔", "daisuke"), ("さくら", "sakura"), ("翔太", "shota"),
    ),
    family=(
        ("山本", "yamamoto"), ("佐藤", "sato"), ("鈴木", "suzuki"), ("高橋", "takahashi"),
        ("渡辺", "watanabe"), ("伊藤", "ito"), ("小林", "kobayashi"), ("髙島", "takashima"),
    ),
    family_first=True,
    streets=("丸の内{n}-1-1", "道玄坂{n}-10-7", "本町{n}-4-2"),
    places=(
        ("千代田区", "東京都", "100-0005"), ("渋谷区", "東京都", "150-0043"),
        ("大阪市中央区", "大阪府", "541-0053"), ("名古屋市中区", "愛知県", "460-0008"),
    ),
    phone="+81 3 5555 01{:02d}",
    tax_id="T#############",
)  # fmt: skip
COUNTRIES = {country.code: country for country in (US, DE, JP)}


@dataclass(frozen=True, slots=True)
class Company:
    """``slug`` is unique in a world: mail and web addresses are made from it."""

    name: str
    legal_name: str
    slug: str


class Names:
    """Gives out names; no company twice."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._roots = {
            code: Deck(rng, dict.fromkeys(country.roots, 1)) for code, country in COUNTRIES.items()
        }
        self._given = {
            code: Deck(rng, dict.fromkeys(country.given, 1)) for code, country in COUNTRIES.items()
        }
        self._family = {
            code: Deck(rng, dict.fromkeys(country.family, 1)) for code, country in COUNTRIES.items()
        }
        self._taken: set[str] = set()

    def company(self, country: Country) -> Company:
        root, trade = self._roots[country.code].draw(), self._rng.choice(country.trades)
        name, slug, count = f"{root[0]}{country.joined}{trade[0]}", f"{root[1]}-{trade[1]}", 1
        while slug in self._taken:
            count += 1
            name = f"{root[0]}{country.joined}{trade[0]} {count}"
            slug = f"{root[1]}-{trade[1]}-{count}"
        self._taken.add(slug)
        form = self._rng.choice(country.legal_forms)
        return Company(name, f"{form}{name}" if country.family_first else f"{name} {form}", slug)

    def person(self, country: Country) -> Name:
        """A person's name as written, and the local part of a mail address."""
        given, family = self._given[country.code].draw(), self._family[country.code].draw()
        written = f"{family[0]} {given[0]}" if country.family_first else f"{given[0]} {family[0]}"
        return written, f"{given[1]}.{family[1]}"

    def address(self, country: Country) -> AddressFact:
        city, region, postal_code = self._rng.choice(country.places)
        return AddressFact(
            line1=self._rng.choice(country.streets).format(n=self._rng.randint(1, 199)),
            line2=f"Suite {self._rng.randint(2, 40)}00" if self._rng.random() < 0.2 else None,
            city=city,
            region=region,
            postal_code=postal_code,
            country=country.code,
        )

    def phone(self, country: Country) -> str:
        return country.phone.format(self._rng.randint(0, 99))

    def tax_id(self, country: Country) -> str:
        return "".join(str(self._rng.randint(0, 9)) if char == "#" else char for char in country.tax_id)
