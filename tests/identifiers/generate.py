#!/usr/bin/env python3
"""Labelled British text for measuring detectors of four kinds of identifier.

    generate.py [--seed N] [--count N]      prints JSON Lines
    {"id": "...", "text": "...", "has": ["nhs_number", ...], "why": "..."}

Kinds: nhs_number, ni_number, postcode, date_of_birth.  `has` is never written by hand: it follows from
the placeholders that a frame uses.  {nhs} {nhss} -> nhs_number, {ni} -> ni_number, {pc} -> postcode,
{dob} {dobc} -> date_of_birth; every other placeholder yields something that must not be reported.
All persons, numbers and addresses are invented; telephone numbers come from Ofcom's drama ranges;
the only real postcodes on purpose are those of the Trusts' own public sites (always negatives).
"""
import argparse
import datetime
import json
import random
import re

# ------------------------------------------------------------------ stock
TRUSTS = {
    "solent": [("Solent NHS Trust", 8), ("Solent NHS", 1), ("Solent Trust", 1)],
    "heft": [("Heart of England NHS Foundation Trust", 6), ("Heart of England Foundation Trust", 2), ("HEFT", 2)],
    "eput": [("EPUT", 6), ("Essex Partnership University NHS Foundation Trust", 4)],
    "secamb": [("SECAmb", 6), ("SECAMB", 1), ("South East Coast Ambulance Service NHS Foundation Trust", 3)],
}
SVC = {
    "solent": ["the podiatry clinic", "the community nursing team", "the pain clinic", "the sexual health clinic",
               "the dental service", "the stroke rehab team"],
    "heft": ["the fracture clinic", "the eye clinic", "the cardiology department", "the discharge lounge",
             "the chest clinic", "the day surgery unit"],
    "eput": ["the memory clinic", "the community mental health team", "the crisis team", "the psychology service",
             "the older adults team", "the eating disorder service"],
    "secamb": ["the patient experience team", "the control room", "the patient transport desk", "the 111 team",
               "the complaints desk", "the records team"],
}
STAFF = {
    "solent": ["community nurse", "podiatrist", "physio", "district nurse", "dental nurse"],
    "heft": ["ward sister", "registrar", "ward clerk", "radiographer", "staff nurse"],
    "eput": ["care coordinator", "psychiatric nurse", "psychologist", "support worker", "ward clerk"],
    "secamb": ["paramedic", "call handler", "technician", "dispatcher", "crew member"],
}
SITES = {   # the Trusts' own public sites
    "solent": [("Highpoint Venue, Bursledon Road, Southampton", "SO19 8BR"),
               ("Western Community Hospital, William Macleod Way, Southampton", "SO16 4XE"),
               ("St Mary's Community Health Campus, Milton Road, Portsmouth", "PO3 6AD"),
               ("Royal South Hants Hospital, Brintons Terrace, Southampton", "SO14 0YG")],
    "heft": [("Heartlands Hospital, Bordesley Green East, Birmingham", "B9 5SS"),
             ("Good Hope Hospital, Rectory Road, Sutton Coldfield", "B75 7RR"),
             ("Solihull Hospital, Lode Lane, Solihull", "B91 2JL")],
    "eput": [("The Lodge, Lodge Approach, Wickford", "SS11 7XX")],
    "secamb": [("Nexus House, 4 Gatwick Road, Crawley", "RH10 9BG")],
}
SITE_PCS = {re.sub(r"\W", "", pc) for v in SITES.values() for _, pc in v}
# outward codes with a town each; every one of the six formats occurs
LOCAL = {
    "solent": [("SO14", "Southampton"), ("SO17", "Southampton"), ("SO18", "Southampton"), ("SO19", "Southampton"),
               ("SO31", "Hedge End"), ("SO50", "Eastleigh"), ("PO1", "Portsmouth"), ("PO2", "Portsmouth"),
               ("PO4", "Southsea"), ("PO9", "Havant"), ("PO12", "Gosport"), ("PO16", "Fareham")],
    "heft": [("B8", "Birmingham"), ("B9", "Birmingham"), ("B23", "Erdington"), ("B24", "Birmingham"),
             ("B36", "Castle Bromwich"), ("B72", "Sutton Coldfield"), ("B91", "Solihull"), ("B92", "Solihull"),
             ("WS14", "Lichfield"), ("B6", "Aston")],
    "eput": [("CM1", "Chelmsford"), ("CM2", "Chelmsford"), ("CM9", "Maldon"), ("CM12", "Billericay"),
             ("CM20", "Harlow"), ("SS0", "Westcliff"), ("SS2", "Southend"), ("SS9", "Leigh-on-Sea"),
             ("SS14", "Basildon"), ("CO4", "Colchester"), ("CO15", "Clacton"), ("RM17", "Grays")],
    "secamb": [("BN1", "Brighton"), ("BN3", "Hove"), ("BN43", "Shoreham"), ("CT5", "Whitstable"), ("CT14", "Deal"),
               ("ME7", "Gillingham"), ("ME14", "Maidstone"), ("TN9", "Tonbridge"), ("TN23", "Ashford"),
               ("RH6", "Horley"), ("RH12", "Horsham"), ("GU1", "Guildford"), ("KT17", "Epsom")],
}
WIDE = [("E5", "London"), ("N7", "London"), ("M4", "Manchester"), ("L8", "Liverpool"), ("S6", "Sheffield"),
        ("G4", "Glasgow"), ("E17", "London"), ("N16", "London"), ("M20", "Manchester"), ("S11", "Sheffield"),
        ("L15", "Liverpool"), ("G12", "Glasgow"), ("W12", "London"),
        ("W1T", "London"), ("W1U", "London"), ("W1H", "London"), ("E1W", "London"), ("N1C", "London"),
        ("SW1V", "London"), ("SW1P", "London"), ("SW1W", "London"), ("EC1V", "London"), ("EC1R", "London"),
        ("WC1N", "London"), ("WC1X", "London"), ("EC2A", "London"),
        ("BS6", "Bristol"), ("CF24", "Cardiff"), ("EH6", "Leith"), ("BT9", "Belfast"), ("YO31", "York"),
        ("LS8", "Leeds"), ("NR2", "Norwich"), ("PL4", "Plymouth"), ("AB24", "Aberdeen"), ("SA1", "Swansea")]
INWARD = "ABDEFGHJLNPQRSTUWXYZ"
BAD_AREAS = ["AC", "BJ", "CC", "DC", "EE", "FT", "GK", "HK", "JB", "KC", "LC", "MC", "NC", "OA", "PC", "QP", "RC",
             "TC", "UA", "VA", "WB", "XA", "YA", "ZT", "A", "C", "D", "F", "H", "J", "K", "O", "P", "Q", "R", "T",
             "U", "V", "X", "Y", "Z"]
NI_PREFIXES = (
    "AA AB AE AH AK AL AM AP AR AS AT AW AX AY AZ BA BB BE BH BK BL BM BT CA CB CE CH CK CL CR EA EB EE EH EK EL EM "
    "EP ER ES ET EW EX EY EZ HA HB HE HH HK HL HM HP HR HS HT HW HX HY HZ JA JB JC JE JG JH JJ JK JL JM JN JP JR JS "
    "JT JW JX JY JZ KA KB KE KH KK KL KM KP KR KS KT KW KX KY KZ LA LB LE LH LK LL LM LP LR LS LT LW LX LY LZ MA NA "
    "NB NE NH NL NM NP NR NS NW NX NY NZ PA PB PC PE PG PH PJ PK PL PM PN PP PR PS PT PW PX PY RA RB RE RH RK RM RP "
    "RR RS RT RW RX RY RZ SA SB SC SE SG SH SJ SK SL SM SN SP SR SS ST SW SX SY SZ TA TB TE TH TK TL TM TP TR TS TT "
    "TW TX TY TZ WA WB WE WK WL WM WP YA YB YE YH YK YL YM YP YR YS YT YW YX YY YZ ZA ZB ZE ZH ZK ZL ZM ZP ZR ZS ZT "
    "ZW ZX ZY").split()
FEM = ["Ivy", "Doreen", "Maureen", "Priya", "Shanice", "Bronagh", "Agnieszka", "Yvonne", "Tamsin", "Nasreen", "Gwen",
       "Kerry", "Lorraine", "Beryl", "Funmi", "Chloe", "Jodie", "Hilda", "Saoirse", "Rukhsana", "Olive", "Petra"]
MAL = ["Derek", "Clive", "Imran", "Tomasz", "Gareth", "Leroy", "Alan", "Wesley", "Haroon", "Kenneth", "Declan",
       "Jordan", "Rhys", "Norman", "Emeka", "Callum", "Barry", "Stanley", "Vikram", "Ewan", "Roland", "Percy"]
LAST = ["Pardoe", "Thackwell", "Ormesby", "Quillin", "Braddock", "Chowdry", "Fenwright", "Haldane", "Kilbey",
        "Lovatt", "Marchbank", "Nettlefold", "Okonjo", "Pettifer", "Ravensdale", "Skerritt", "Tunnicliffe",
        "Uttley", "Venables", "Wragg", "Yarwood", "Zielinska", "Abernathy", "Bickerstaff", "Cattermole", "Dhaliwal",
        "Eastaugh", "Fothergill", "Gathercole", "Hesketh", "Inskip", "Jellicoe", "Kowalczyk", "Lightbown",
        "Mottram", "Noakes", "Oddie-Crane", "Postlethwaite", "Rowbottom", "Stainforth"]
STREETS = ["Sandpiper Close", "Albany Road", "Mill Lane", "Chestnut Avenue", "Kingfisher Drive", "Bramble Way",
           "Station Road", "Larkspur Gardens", "Victoria Terrace", "Orchard Grove", "Beacon Hill", "Manor Crescent",
           "Tythe Barn Lane", "Coronation Road", "Wren Court", "Harbour View"]
FIELDS = ["Cedar", "Willow", "Kestrel", "Rowan", "Poppy", "Beech", "Heron", "Magnolia"]
MONTHS = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
          "November", "December"]
ORDW = ["first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth", "eleventh",
        "twelfth", "thirteenth", "fourteenth", "fifteenth", "sixteenth", "seventeenth", "eighteenth", "nineteenth",
        "twentieth", "twenty-first", "twenty-second", "twenty-third", "twenty-fourth", "twenty-fifth",
        "twenty-sixth", "twenty-seventh", "twenty-eighth", "twenty-ninth", "thirtieth", "thirty-first"]
NBSP, THIN, NNBSP, FIG, NBHY = "\u00a0", "\u2009", "\u202f", "\u2007", "\u2011"

NEUTRAL = [
    "Thanks in advance.", "Sorry for the long post.", "The car park was full again, as ever.",
    "Any advice would be welcome.", "I have kept a copy.", "Nobody has got back to me yet.",
    "The weather did not help either.", "It has been a long week.", "Please let me know if anything is missing.",
    "I am not blaming anyone.", "The tea in the waiting room was nice, mind.", "Hope that makes sense.",
    "We are all very tired.", "The line was very crackly.", "I will chase it up after the weekend.",
    "Everyone was polite enough.", "That is all I know for now.", "The lift was out of order too.",
    "Please pass this on to whoever deals with it.", "Typing this on my phone so excuse the spelling.",
    "Has anybody else had this?", "The queue went right round the corner.", "Many thanks for your help.",
    "I shall wait to hear from you.", "Parking cost a fortune.", "It was raining stair rods.",
    "The receptionist did her best.", "Bank holiday hours apply as usual.", "Comments are open below.",
    "The radio was on in the background.",
]
LEAD = [   # sentences that bring the Trust in where the frame does not
    "This is about {T}.", "Sent to {T} this morning.", "Another one for {T}.", "I have written to {T} about it.",
    "Seen in the {T} patients' group.", "It concerns {T}.", "For the attention of {T}.", "Dear {T},",
    "Long story about {T}.", "Copied to {T}.",
]


# ------------------------------------------------------------------ numbers
def mod11(d):
    """True if the ten digits pass Modulus 11 as an NHS number does."""
    s = sum(int(c) * (10 - i) for i, c in enumerate(d[:9]))
    c = (11 - s % 11) % 11
    return c != 10 and c == int(d[9])


def weighted(r, pairs):
    return r.choices([p[0] for p in pairs], [p[1] for p in pairs])[0]


def digits(r, n):
    return "".join(r.choice("0123456789") for _ in range(n))


def with_check(nine):
    s = sum(int(c) * (10 - i) for i, c in enumerate(nine))
    c = (11 - s % 11) % 11
    return None if c == 10 else nine + str(c)


def nhs_valid(r, issued=False):
    while True:
        b = "4" if issued else weighted(r, [("4", 45), ("6", 12), ("7", 28), ("9", 8), ("chi", 4), ("un", 3)])
        if issued:
            b = weighted(r, [("4", 55), ("6", 15), ("7", 30)])
        if b == "chi":
            nine = "%02d%02d%02d" % (r.randint(1, 28), r.randint(1, 12), r.randint(20, 99)) + digits(r, 3)
        elif b == "un":
            nine = r.choice("58") + digits(r, 8)
        else:
            nine = b + digits(r, 8)
        d = with_check(nine)
        if d and len(set(d)) > 2:
            assert mod11(d)
            return d


def nhs_invalid(r):
    while True:
        d = nhs_valid(r, issued=True)
        how = r.randrange(3)
        if how == 0:      # two neighbours swapped
            i = r.randrange(1, 8)
            d = d[:i] + d[i + 1] + d[i] + d[i + 2:]
        elif how == 1:    # one digit wrong
            i = r.randrange(1, 10)
            d = d[:i] + r.choice("0123456789") + d[i + 1:]
        else:
            d = r.choice("4467") + digits(r, 9)
        if not mod11(d) and not any(x in d for x in ("00000", "11111")):
            return d


NHS_FORMATS = [
    ("334-space", 30, lambda d: f"{d[:3]} {d[3:6]} {d[6:]}"),
    ("bare", 22, lambda d: d),
    ("334-hyphen", 10, lambda d: f"{d[:3]}-{d[3:6]}-{d[6:]}"),
    ("334-dot", 5, lambda d: f"{d[:3]}.{d[3:6]}.{d[6:]}"),
    ("334-nbsp", 6, lambda d: NBSP.join((d[:3], d[3:6], d[6:]))),
    ("334-thin", 5, lambda d: THIN.join((d[:3], d[3:6], d[6:]))),
    ("334-nnbsp", 2, lambda d: NNBSP.join((d[:3], d[3:6], d[6:]))),
    ("334-figure-space", 1, lambda d: FIG.join((d[:3], d[3:6], d[6:]))),
    ("334-nb-hyphen", 2, lambda d: NBHY.join((d[:3], d[3:6], d[6:]))),
    ("334-en-dash", 2, lambda d: "\u2013".join((d[:3], d[3:6], d[6:]))),
    ("334-double-space", 3, lambda d: f"{d[:3]}  {d[3:6]}  {d[6:]}"),
    ("334-spaced-hyphen", 2, lambda d: f"{d[:3]} - {d[3:6]} - {d[6:]}"),
    ("334-mixed", 2, lambda d: f"{d[:3]}-{d[3:6]} {d[6:]}"),
    ("37", 2, lambda d: f"{d[:3]} {d[3:]}"),
    ("64", 1, lambda d: f"{d[:6]} {d[6:]}"),
    ("55", 2, lambda d: f"{d[:5]} {d[5:]}"),
    ("433", 2, lambda d: f"{d[:4]} {d[4:7]} {d[7:]}"),
    ("3322", 1, lambda d: f"{d[:3]} {d[3:6]} {d[6:8]} {d[8:]}"),
    ("boxes", 2, lambda d: " ".join(d)),
]


def fmt_nhs(r, d, only=None):
    n, _, f = r.choices([x for x in NHS_FORMATS if not only or x[0] in only],
                        [x[1] for x in NHS_FORMATS if not only or x[0] in only])[0]
    return f(d), n


def ten(r, want=None):
    """A ten-digit business number; six in ten pass Modulus 11 on purpose."""
    if want is None:
        want = r.random() < .6
    while True:
        d = r.choice("123456789") + digits(r, 9)
        if len(set(d)) > 3 and mod11(d) == want:
            return d


def ni_value(r, prefix=None, suffix=None):
    return (prefix or r.choice(NI_PREFIXES)), digits6(r), (suffix or r.choice("ABCD"))


def digits6(r):
    while True:
        d = digits(r, 6)
        if len(set(d)) > 2:
            return d


NI_FORMATS = [
    ("spaced", 30, lambda p, d, s: f"{p} {d[:2]} {d[2:4]} {d[4:]} {s}"),
    ("solid", 26, lambda p, d, s: p + d + s),
    ("lower-solid", 10, lambda p, d, s: (p + d + s).lower()),
    ("lower-spaced", 7, lambda p, d, s: f"{p} {d[:2]} {d[2:4]} {d[4:]} {s}".lower()),
    ("hyphens", 7, lambda p, d, s: f"{p}-{d[:2]}-{d[2:4]}-{d[4:]}-{s}"),
    ("2-6-1", 8, lambda p, d, s: f"{p} {d} {s}"),
    ("2-33-1", 3, lambda p, d, s: f"{p} {d[:3]} {d[3:]} {s}"),
    ("dots", 2, lambda p, d, s: f"{p}.{d[:2]}.{d[2:4]}.{d[4:]}.{s}"),
    ("nbsp", 3, lambda p, d, s: NBSP.join((p, d[:2], d[2:4], d[4:], s))),
    ("title-case", 2, lambda p, d, s: f"{p[0]}{p[1].lower()} {d[:2]} {d[2:4]} {d[4:]} {s.lower()}"),
    ("suffix-joined", 2, lambda p, d, s: f"{p} {d[:2]} {d[2:4]} {d[4:]}{s}"),
    ("prefix-joined", 2, lambda p, d, s: f"{p}{d[:2]} {d[2:4]} {d[4:]} {s}"),
]


def fmt_ni(r, p, d, s):
    n, _, f = r.choices(NI_FORMATS, [x[1] for x in NI_FORMATS])[0]
    return f(p, d, s), n


def bad_prefix(r):
    k = r.randrange(4)
    if k == 0:
        return r.choice("DFIQUV") + r.choice("ABCEHJKLMPRSTWXYZ")
    if k == 1:
        return r.choice("ABCEHJKLMPRSTWXYZ") + r.choice("DFIQUV")
    if k == 2:
        return r.choice("ABCEHJKLMPRSTWXYZ") + "O"
    return r.choice(["BG", "GB", "NK", "KN", "TN", "NT", "ZZ"])


PC_FORMATS = [
    ("normal", 42, lambda o, i: f"{o} {i}"), ("nospace", 18, lambda o, i: o + i),
    ("lower", 12, lambda o, i: f"{o} {i}".lower()), ("lower-nospace", 12, lambda o, i: (o + i).lower()),
    ("double-space", 3, lambda o, i: f"{o}  {i}"), ("nbsp", 3, lambda o, i: f"{o}{NBSP}{i}"),
    ("title", 3, lambda o, i: f"{o.capitalize()} {i.lower()}"), ("half-lower", 2, lambda o, i: f"{o.lower()} {i}"),
    ("hyphen", 1, lambda o, i: f"{o}-{i}"), ("thin", 1, lambda o, i: f"{o}{THIN}{i}"),
]


def inward(r):
    return r.choice("123456789") + r.choice(INWARD) + r.choice(INWARD)


def fmt_pc(r, o, i, plain=False):
    if plain and r.random() < .6:
        return f"{o} {i}", "normal"
    n, _, f = r.choices(PC_FORMATS, [x[1] for x in PC_FORMATS])[0]
    return f(o, i), n


def ordinal(n):
    return str(n) + ("th" if 10 < n % 100 < 14 else {1: "st", 2: "nd", 3: "rd"}.get(n % 10, "th"))


DATE_FORMATS = [
    ("dd/mm/yyyy", 18, lambda t: t.strftime("%d/%m/%Y")),
    ("d/m/yy", 6, lambda t: f"{t.day}/{t.month}/{t:%y}"),
    ("dd/mm/yy", 6, lambda t: t.strftime("%d/%m/%y")),
    ("d.m.yy", 7, lambda t: f"{t.day}.{t.month}.{t:%y}"),
    ("dd.mm.yyyy", 4, lambda t: t.strftime("%d.%m.%Y")),
    ("dd-mm-yyyy", 4, lambda t: t.strftime("%d-%m-%Y")),
    ("d-m-yy", 2, lambda t: f"{t.day}-{t.month}-{t:%y}"),
    ("iso", 5, lambda t: t.strftime("%Y-%m-%d")),
    ("dd mm yyyy", 2, lambda t: t.strftime("%d %m %Y")),
    ("d Month yyyy", 10, lambda t: f"{t.day} {MONTHS[t.month-1]} {t.year}"),
    ("dth Month yyyy", 8, lambda t: f"{ordinal(t.day)} {MONTHS[t.month-1]} {t.year}"),
    ("dth of Month yyyy", 3, lambda t: f"{ordinal(t.day)} of {MONTHS[t.month-1]} {t.year}"),
    ("d Mon yyyy", 5, lambda t: f"{t.day} {MONTHS[t.month-1][:3]} {t.year}"),
    ("d Mon yy", 3, lambda t: f"{t.day} {MONTHS[t.month-1][:3]} {t:%y}"),
    ("dth Mon 'yy", 2, lambda t: f"{ordinal(t.day)} {MONTHS[t.month-1][:3]} '{t:%y}"),
    ("d-Mon-yy", 4, lambda t: f"{t.day}-{MONTHS[t.month-1][:3]}-{t:%y}"),
    ("d-MON-yyyy", 2, lambda t: f"{t.day:02d}-{MONTHS[t.month-1][:3].upper()}-{t.year}"),
    ("Mon d yyyy", 3, lambda t: f"{MONTHS[t.month-1][:3]} {t.day} {t.year}"),
    ("Month dth, yyyy", 3, lambda t: f"{MONTHS[t.month-1]} {ordinal(t.day)}, {t.year}"),
    ("the nth of Month yyyy", 4, lambda t: f"the {ORDW[t.day-1]} of {MONTHS[t.month-1]} {t.year}"),
    ("Day d Month yyyy", 2, lambda t: f"{t:%A} {t.day} {MONTHS[t.month-1]} {t.year}"),
    ("d Month, yyyy", 2, lambda t: f"{t.day} {MONTHS[t.month-1]}, {t.year}"),
    ("dd / mm / yyyy", 2, lambda t: t.strftime("%d / %m / %Y")),
    ("lower d mon yyyy", 3, lambda t: f"{ordinal(t.day)} {MONTHS[t.month-1][:3].lower()} {t.year}"),
]


def a_day(r, y0, y1):
    a, b = datetime.date(y0, 1, 1), datetime.date(y1, 12, 31)
    return a + datetime.timedelta(days=r.randrange((b - a).days + 1))


def fmt_date(r, t, table=False):
    """table: for a row of a table or CSV, where nobody writes a comma or an essay."""
    while True:
        n, _, f = r.choices(DATE_FORMATS, [x[1] for x in DATE_FORMATS])[0]
        if t.month == 5 and n.startswith("lower"):
            continue                      # "may" in lower case is no clear month
        if table and (", " in n or n.startswith(("the ", "Day "))):
            continue
        v = f(t)
        if " Mon " in f" {n} " and r.random() < .5:
            v = v.replace("Sep ", "Sept ")
        return v, n


def phone_tail(r, head9, span):
    """Ten digits: head (seven) + three, passing Modulus 11 six times in ten."""
    want = r.random() < .6
    pool = [x for x in range(span) if mod11(head9 + f"{x:03d}") == want]
    return head9 + f"{r.choice(pool):03d}"


def phone10(r):
    """A drama number without its 0, in 3-3-4."""
    d = phone_tail(r, r.choice(["1632960", "7700900", "2079460", "1214960"]), 1000)
    sep = weighted(r, [(" ", 7), ("-", 2), (".", 1)])
    return sep.join((d[:3], d[3:6], d[6:]))


def phone(r):
    x = f"{r.randrange(1000):03d}"
    return r.choice([f"01632 960{x}", f"01632 960 {x}", f"07700 900{x}", f"07700 900 {x}", f"020 7946 0{x}",
                     f"0121 496 0{x}", f"(0121) 496 0{x}", f"07700900{x}"])


def isbn(r):
    while True:
        nine = r.choice("01") + digits(r, 8)
        d = with_check(nine)
        if d:
            break
    return r.choice([d, d, d, f"{d[0]}-{d[1:4]}-{d[4:9]}-{d[9]}", f"{d[0]} {d[1:5]} {d[5:9]} {d[9]}",
                     f"{d[0]}-{d[1:6]}-{d[6:9]}-{d[9]}"])


# ------------------------------------------------------------------ one text's world
POSITIVE = {"nhs": "nhs_number", "nhss": "nhs_number", "ni": "ni_number", "pc": "postcode",
            "dob": "date_of_birth", "dobc": "date_of_birth"}
NHS_CUES = ["NHS number", "NHS Number", "NHS No", "NHS no.", "NHS No.", "nhs number", "NHS no", "NHS Nr", "NHS num",
            "N.H.S. number", "NHS #", "nhs no", "NHS N\u00b0", "NHS Nbr", "National Health Service number"]
NI_CUES = ["NI number", "National Insurance number", "NI no.", "NINO", "N.I. number", "Nat Ins no",
           "nat insurance number", "NI No", "National Insurance no.", "N.I. No.", "ni number", "NI num", "NiNo",
           "national insurance number"]
DOB_CUES = ["DOB", "DOB", "D.O.B.", "d.o.b.", "dob", "DoB", "Date of birth", "date of birth", "D.O.B", "d.o.b",
            "Date of Birth", "birth date"]


class World:
    def __init__(self, r):
        self.r = r
        self.trust = r.choice(list(TRUSTS))
        self.name = weighted(r, TRUSTS[self.trust])
        self.fem = r.random() < .5
        self.first, self.last = r.choice(FEM if self.fem else MAL), r.choice(LAST)
        self.first2 = r.choice([x for x in FEM + MAL if x != self.first])
        self.last2 = r.choice([x for x in LAST if x != self.last])
        self.out, self.town = r.choice(LOCAL[self.trust] if r.random() < .6 else WIDE)
        self.site = r.choice(SITES[self.trust])
        self.has, self.notes, self.table = [], [], False

    def other(self, o):
        while True:
            i = inward(self.r)
            if o + i not in SITE_PCS:
                return i

    def value(self, key):
        r = self.r
        if key in POSITIVE:
            if POSITIVE[key] not in self.has:
                self.has.append(POSITIVE[key])
            if key == "nhs":
                v, n = fmt_nhs(r, nhs_valid(r))
            elif key == "nhss":
                v, n = fmt_nhs(r, nhs_valid(r, issued=True), ("334-space", "334-nbsp"))
            elif key == "ni":
                v, n = fmt_ni(r, *ni_value(r))
            elif key == "pc":
                v, n = fmt_pc(r, self.out, self.other(self.out))
            elif key == "dob":
                v, n = fmt_date(r, a_day(r, 1928, 2006), self.table)
            else:
                v, n = fmt_date(r, a_day(r, 2008, 2023), self.table)
            self.notes.append(f"{key}:{n}")
            return v
        fem = self.fem
        simple = {
            "T": self.name, "f": self.first, "l": self.last, "n": f"{self.first} {self.last}",
            "f2": self.first2, "l2": self.last2, "n2": f"{self.first2} {self.last2}",
            "tn": ("Mrs " if fem else "Mr ") + self.last, "he": "she" if fem else "he", "He": "She" if fem else "He",
            "his": "her" if fem else "his", "His": "Her" if fem else "His", "him": "her" if fem else "him",
            "son": "daughter" if fem else "son", "boy": "girl" if fem else "boy", "lad": "lass" if fem else "lad",
            "town": self.town, "out": self.out, "outl": self.out.lower(), "site": self.site[0],
            "sitepc": self.site[1],
        }
        if key in simple:
            return simple[key]
        if key == "sex":
            return "F" if fem else "M"
        if key == "rel":
            return r.choice(["mum", "nan", "sister", "aunt", "wife", "daughter"] if fem else
                            ["dad", "grandad", "brother", "uncle", "husband", "son"])
        if key == "svc":
            return r.choice(SVC[self.trust])
        if key == "staff":
            return r.choice(STAFF[self.trust])
        if key == "ward":
            return r.choice(FIELDS)
        if key == "nc":
            return r.choice(NHS_CUES)
        if key == "ic":
            return r.choice(NI_CUES)
        if key == "dc":
            return r.choice(DOB_CUES)
        if key == "addr":
            return f"{r.randint(1, 148)} {r.choice(STREETS)}"
        if key == "street":
            return r.choice(STREETS)
        if key == "day":
            return r.choice(["Monday", "Tuesday", "Wednesday", "Thursday", "Friday"])
        if key == "month":
            return r.choice(MONTHS)
        if key == "year":
            return str(r.randint(1935, 1992))
        if key == "ryear":
            return str(r.randint(2012, 2025))
        if key == "age":
            return str(r.randint(24, 91))
        if key == "num":
            return str(r.randint(1, 99))
        if key == "ref":
            return r.choice(["PALS-", "C/", "W-", "REF/"]) + digits(r, 5)
        # --- negatives
        if key == "nhsbad":
            v, n = fmt_nhs(r, nhs_invalid(r))
            self.notes.append("fails-check:" + n)
            return v
        if key == "run":
            v, n = fmt_nhs(r, r.choice("0123456789") * 10, ("334-space", "bare", "334-hyphen"))
            return v
        if key == "nine":
            d = r.choice("467") + digits(r, 8)
            return r.choice([d, f"{d[:3]} {d[3:6]} {d[6:]}"])
        if key == "eleven":
            while True:
                d = r.choice("467") + digits(r, 10)
                if not mod11(d[:10]) and not mod11(d[1:]):
                    return r.choice([d, f"{d[:3]} {d[3:7]} {d[7:]}"])
        if key == "tail3":
            return digits(r, 3)
        if key == "tail4":
            return digits(r, 4)
        if key == "isbn":
            return isbn(r)
        if key == "ph10":
            return phone10(r)
        if key == "tel":
            return phone(r)
        if key == "ten":
            d = ten(r)
            self.notes.append("passes-by-design" if mod11(d) else "fails-check")
            return fmt_nhs(r, d, ("bare",))[0] if r.random() < .75 else fmt_nhs(r, d, ("334-space", "334-hyphen"))[0]
        if key == "tens":
            return ten(r)
        if key == "tenbad":
            return fmt_nhs(r, nhs_invalid(r), ("bare", "334-space", "334-hyphen"))[0]
        if key == "stamp":
            return "1" + r.choice("567") + digits(r, 8)
        if key == "sort":
            return "-".join(digits(r, 2) for _ in range(3))
        if key == "acct":
            return digits(r, 8)
        if key == "grid10":
            return f"{r.choice(['SU', 'TQ', 'TL', 'SP', 'TR'])} {digits(r, 5)} {digits(r, 5)}"
        if key == "grid6":
            return f"{r.choice(['SU', 'TQ', 'TL', 'SP', 'TR'])} {digits(r, 3)} {digits(r, 3)}"
        if key == "eight":
            return r.choice("123456789") + digits(r, 7)
        if key == "seven":
            return r.choice("123456789") + digits(r, 6)
        if key == "nib":          # unissued prefix, well-formed otherwise
            p, d, s = ni_value(r, prefix=bad_prefix(r))
            v, n = fmt_ni(r, p, d, s)
            self.notes.append(f"unissued:{p}:{n}")
            return v
        if key == "nis":          # issued prefix, impossible suffix
            p, d, s = ni_value(r, suffix=r.choice("EFGHJKLMNPQRSTUVWXYZ"))
            v, n = fmt_ni(r, p, d, s)
            self.notes.append(f"suffix:{s}:{n}")
            return v
        if key == "niser":        # serial or part number in the shape, either fault
            return self.value(r.choice(["nib", "nis"]))
        if key == "nip":          # part of an NI number
            p, d, s = ni_value(r)
            return r.choice([f"{p} {d[:2]} {d[2:4]} {d[4:]}", p + d, f"{p} ** ** {d[4:]} {s}", f"{p}****{d[4:]}{s}",
                             f"{p} {d[:2]} {d[2:4]} __ _", f"{p} {d[:2]} xx xx {s}", f"{d[:2]} {d[2:4]} {d[4:]} {s}"])
        if key == "ni5":          # a digit short or over
            p, d, s = ni_value(r)
            d = d[:5] if r.random() < .5 else d + r.choice("0123456789")
            return r.choice([p + d + s, f"{p} {d} {s}", (p + d + s).lower()])
        if key == "nipre":
            return r.choice(NI_PREFIXES)
        if key == "nitail":
            return digits(r, 2) + r.choice("ABCD")
        if key == "six":
            return digits6(r)
        if key == "vat":
            d = r.choice("123456789") + digits(r, 8)
            return r.choice([f"GB {d[:3]} {d[3:7]} {d[7:]}", f"GB{d}", f"{d[:3]} {d[3:7]} {d[7:]}"])
        if key == "sc":
            return "SC" + digits6(r)
        if key == "opc":          # postcode of an organisation, in the place's area
            return fmt_pc(r, self.out, self.other(self.out), plain=True)[0]
        if key == "spc":
            o, i = self.site[1].split()
            return fmt_pc(r, o, i, plain=True)[0]
        if key == "badin":
            a, b = r.choice("CIKMOV"), r.choice(INWARD + "CIKMOV")
            if r.random() < .5:
                a, b = b, a
            v, n = fmt_pc(r, self.out, r.choice("123456789") + a + b)
            self.notes.append("invalid-inward:" + n)
            return v
        if key == "badarea":
            v, n = fmt_pc(r, r.choice(BAD_AREAS) + str(r.randint(1, 29)), inward(r))
            self.notes.append("invalid-area:" + n)
            return v
        if key == "date":
            return fmt_date(r, a_day(r, 2009, 2025), self.table)[0]
        if key == "fdate":
            return fmt_date(r, a_day(r, 1948, 2018), self.table)[0]
        if key == "datew":        # for prose after 'of' or before a noun
            t = a_day(r, 2009, 2025)
            return f"{t.day} {MONTHS[t.month-1]} {t.year}"
        if key == "dm":
            return f"{r.choice([ordinal, str])(r.randint(1, 28))} {r.choice(MONTHS)}"
        if key == "my":
            return f"{r.choice(MONTHS)} {r.randint(1935, 2005)}"
        raise KeyError(key)

    def fill(self, frame):
        return re.sub(r"\{([A-Za-z0-9]+)\}", lambda m: self.value(m.group(1)), frame)


# ------------------------------------------------------------------ frames
P, N = {}, {}

P["nhs_number"] = [
    "Dear Sirs, I write about my late discharge from {T}. My {nc} is {nhs}.",
    "{T} have my details wrong again, {nc}: {nhs}, it should be under {l}.",
    "Patient: {n}\n{nc}: {nhs}\nReferred to: {svc}, {T}",
    "Re: {tn}, {nhss}. Thank you for seeing this patient of {T} in clinic.",
    "hi can someone at {T} check if my referral went through, nhs no {nhs} ta",
    "@{f2} just rang {T}, they wanted {his} nhs number so here it is again: {nhs}",
    "Name,NHS Number,Team\n{n},{nhs},{T} {ward} team",
    "Name;nhs_number;status\n{l}, {f};{nhs};open to {T}",
    "{f2}: whats nans nhs number??\n{f}: {nhs}\n{f2}: cheers, on the phone to {T} now",
    "I found a handover sheet in the car park of {T}: {ward} 4, {n}, {nc} {nhs}.",
    "Transfer form ({T})\nSurname: {l}\nForename: {f}\n{nc} {nhs}\nSex: {sex}",
    "The letter {T} sent me has somebody else's NHS number on it ({nhs}), not mine.",
    "My {rel} {f} has the NHS number {nhs} and {T} still cannot find {him} on the system.",
    "Please quote {nhs} (my NHS number) when you reply, says the letter from {T}.",
    "NHS: {nhs}\nName: {n}\nSeen by: {svc} at {T}",
    "Sample label read '{l} {f} {sex} NHS {nhs}', left on the desk at {T}.",
    "URGENT {T} - {nc} {nhs} - {tn} - needs a call back today",
    "for {T} complaints: my NHS no is {nhs} and my {rel} was with me",
    "Two patients mixed up by {T}: {n}, NHS {nhs}, and {n2}, NHS {nhs}.",
    "Photo of the whiteboard at {T}: bay 2, {l}, nhs num {nhs}, nil by mouth.",
    "I've been with {svc} at {T} for years. N.H.S. No:- {nhs}. Yours faithfully, {n}",
    "Does anyone know how to change an address with {T}? They asked for my {nc} which is {nhs}.",
    "{T} waiting list, page 3: 1) {n} (NHS no. {nhs}) 2) {n2} (NHS no. {nhs})",
    "why is my {nc} ({nhs}) showing another person's name in the {T} letter",
    "Subject: {T} DNA letter. Patient {nhss}, {tn}, did not attend.",
    "On the list left at the bus stop: {tn} - {nhss} - for review by {T}.",
    "Found it at last, nhs number is {nhs}, ringing {T} in the morning.",
    "PT {n} NHSNO {nhs} TO BE COLLECTED FROM {ward} WARD FOR {T}",
    "{T} text said: 'Hello {f}, your results are ready, NHS number {nhs}'. Wrong {f}!",
    "My new baby's NHS number came from {T} today, it is {nhs}, is that normal before registering?",
    "Complaint to {T}. Name of patient {n}; number (NHS) {nhs}; relation to patient: {rel}.",
    "The {staff} from {T} read out {his} NHS number, {nhs}, in front of the whole queue.",
    "Your ref: {ref}. Our patient: {tn}, NHS number {nhs}. We enclose our letter to {T}.",
    "In the shared drive of {T} there is a file called '{l}_{f}' and inside it 'NHS Number = {nhs}'.",
    "{nhs} is my NHS number, {n} is my name, {T} is my trust, and nobody answers.",
    "{{\"trust\": \"{T}\", \"patient\": \"{n}\", \"nhsNumber\": \"{nhs}\"}}",
    "| Patient | NHS No | Provider |\n|---|---|---|\n| {n} | {nhs} | {T} |",
    "They only wanted my N.H.S. N\u00b0 ({nhs}), said the lady from {T}, so I gave it.",
    "NHS/CHI number {nhs}, patient {n}, moved down from Scotland and now under {T}.",
    "Voicemail typed up: 'this is {tn} for {T}, N H S number {nhs}, please ring back'.",
    "Just had {T} on. {f}'s {nc} = {nhs}. Write it down this time!!",
    "Sorry to put it here but {T} doesn't read messages - {f} {l}, {nhs} is the NHS no.",
    "Discharge summary, {T}. Hospital no. withheld. {nc} - {nhs}. Consultant: not stated.",
    "Prescription slip dropped outside {T}: {tn}, NHS No {nhs}, one to be taken at night.",
    "Every letter from {T} has the {nc} {nhs} printed at the top next to {his} name.",
    "tweeting this as {T} ignore calls. patient {l}. nhs number:{nhs}",
    "I'm {n}, my NHS number's {nhs} and I'd like {T} to send me my notes.",
]

N["nhs_number"] = [
    "{T} typed my {nc} as {nhsbad} and of course the system threw it out.",
    "My {nc} is {nhsbad}, says the letter from {T}, but the app calls it invalid.",
    "Patient: {n}\n{nc}: {nhsbad}\nReferred to: {svc}, {T}",
    "NHS: {nhsbad}\nName: {n}\nSeen by: {svc} at {T}",
    "hi {T} is nhs no {nhsbad} right? it says check digit wrong",
    "Name,NHS Number,Team\n{n},{nhsbad},{T} {ward} team",
    "The specimen card from {T} shows NHS number 123 456 7890.",
    "The training slides of {T} use NHS number {run} on every page.",
    "{T} left the field as NHS No {run} because they did not know {him}.",
    "nhs number: {run} lol who set this up, {T}?",
    "{T} sent a letter with an NHS number of nine digits, {nine}.",
    "My {nc} on the {T} letter has a digit too many: {eleven}.",
    "The letter from {T} masks the NHS number as *** *** **{num}.",
    "{T} only prints the last four of the NHS number: xxx xxx {tail4}.",
    "My NHS number ends in {tail4}, that is all {T} would tell me on the phone.",
    "The history of {T} is told in a book, ISBN {isbn}, at the library.",
    "'Care on the Coast', ISBN-10: {isbn}, has a chapter on {T}.",
    "A {staff} at {T} wrote a poetry book (ISBN {isbn}).",
    "Recommended reading from {T}: 'Sleep Well', isbn {isbn}, in paperback.",
    "Ring {T} on +44 {ph10} for the switchboard.",
    "The appointment line of {T} is +44 (0){ph10}.",
    "Call {T} from abroad: 0044 {ph10}.",
    "Tel. {ph10} gets you straight through to {svc} at {T}, leave off the zero from overseas.",
    "Phone numbers for {T}: desk {tel}, out of hours {tel}, fax +44 {ph10}.",
    "{T} called me from {tel} and I missed it.",
    "NHS Supply Chain order number {ten} for {T} is late again.",
    "Order no. {ten}: twelve boxes of gloves, deliver to {T} stores.",
    "Invoice {ten} to {T} has been unpaid since the spring.",
    "Purchase order {ten} was raised by {T} for the new chairs.",
    "Parcel tracking number {tens}, signed for at {T} reception.",
    "My PALS case number with {T} is {ten} and no one will look at it.",
    "Ombudsman case reference {ten} about {T} was closed.",
    "Incident number {ten}, logged by {T}, was about a broken barrier.",
    "The contract between {T} and the cleaners, contract number {ten}, is on the website.",
    "Donations for {T} charity: sort code {sort}, account number {acct}.",
    "{T} pays agency staff from account {acct}, sort code {sort}, ref {tens}.",
    "The supplier's UTR is {tens}, please pay through {T} payroll.",
    "The helicopter for {T} landed at grid reference {grid10}.",
    "The meter at the {T} workshop, serial number {tens}, reads nothing.",
    "The defibrillator lent by {T} has serial no. {ten}.",
    "Log file of the {T} website: request at {stamp}, status 200, done.",
    "Booking reference {ten} for the {T} staff party, keep it safe.",
    "Hospital number {tenbad} is on my wristband from {T}.",
    "Unit number {tenbad}, not an NHS number, is how {T} files the x-rays.",
    "Customer number {ten} with the laundry firm that serves {T}.",
    "The tender notice {ten} for {T} closes soon.",
    "Asset tag {tens} was stuck to a laptop from {T} found on the train.",
    "Raffle ticket {tens} won the hamper at the {T} fete.",
    "The barcode on the {T} leaflet says {tens}.",
    "Company no. {eight}, charity no. {seven}, both on the {T} website.",
    "{T} spent 4{tail3}{tail3}{tail3} pence on agency cover, says the board paper.",
    "Job advert {tens} at {T}: band 6, full time, apply online.",
    "Gas account number {ten}, supply address {T}, final demand.",
    "The NHS number is ten digits long, says {T}, and a phone number like +44 {ph10} is not one.",
]

P["ni_number"] = [
    "Payroll at {T} have the wrong {ic} for me, it is {ni}.",
    "Starter form, {T}\nName: {n}\nNI number: {ni}\nBand: 3",
    "my {ic} is {ni} can {T} payroll please sort my tax code",
    "Name,NI Number,Pay band\n{n},{ni},5\nSource: {T} HR",
    "{f2}: need ur ni for the bank shift at {T}\n{f}: {ni}\n{f2}: ta",
    "I worked for {T} as a {staff} and left in the spring. {ic}: {ni}. Please send my P45.",
    "The payslip I found at {T} says {n}, NI No. {ni}, and the net pay.",
    "HR at {T} emailed everybody's details, mine reads '{l}, {ni}'.",
    "P60 for {tn}, {ni}, employer {T}.",
    "{T} pension query - {ni} - {n} - no reply since the summer",
    "Dear Sir, my N.I. No. is {ni} and I was a porter at {T} for thirty years.",
    "So {T} put {f}'s national insurance number, {ni}, on the rota. On the wall.",
    "New starters at {T}: {n} ({ni}), {n2} ({ni}).",
    "NINO {ni}, surname {l}, overpaid by {T}, please call back.",
    "Timesheet: {n} / {ni} / {T} / 37.5 hours",
    "{T} lost my form so here goes again: {n}, NI {ni}, start Monday.",
    "DWP asked {T} to confirm {ni} belonged to {tn}.",
    "{{\"employer\": \"{T}\", \"name\": \"{n}\", \"nino\": \"{ni}\"}}",
    "| Employee | NI no | Employer |\n|---|---|---|\n| {n} | {ni} | {T} |",
    "lol {T} printed my whole NI number ({ni}) on the envelope",
    "Bank staff list, {T}: {l} {f} - nat ins {ni}",
    "Grievance against {T}. Claimant: {n}. National Insurance: {ni}.",
    "Student loan people need my {ic} {ni} and {T} as employer, is that right?",
    "I am trying to log in to the {T} e-roster with {ni} (my NI) and it says unknown.",
    "ESR export, {T}: emp name {l}; {ic} {ni}; leave date blank",
    "Hi, {n} here, used to be a {staff} at {T}. NI number {ni}. Where is my holiday pay?",
    "The form for SSP from {T} had my {rel}'s NI number on it, {ni}.",
    "Carer's allowance letter: {tn}, {ni}, cared for by {T}.",
    "Nat. Ins. No:- {ni}. Name:- {n}. Employer:- {T}.",
    "{ni} - that's my national insurance number - and {T} sent it to the wrong person.",
    "Found in a bin behind {T}: a contract for {n}, NI no {ni}.",
    "{T} agency invoice, worker {n}, NI: {ni}, two nights.",
    "Benefits form filled in by the {staff} at {T}: claimant {n}, NI number {ni}.",
    "Tweeting my own NI like an idiot: {ni}. Over to you {T} payroll.",
    "In the {T} spreadsheet column C is the {ic}; row 2 is {f} {l}, {ni}.",
    "Employee {l}, {f} {ni} suspended pending investigation by {T}",
    "{T} reckons {ni} is not on the payroll. It's on every payslip with my name!",
    "{ic}?\n{ni}\nThanks {f}, {T} will set you up today.",
    "Redundancy letter from {T} to {tn}: 'your National Insurance number, {ni}, has been passed to HMRC'.",
    "Sick note from {svc} at {T}: {n}, {ni}, four weeks.",
    "I gave my name ({n}) and NI ({ni}) to the woman at {T} reception, who shouted it.",
    "HC1 form sent on by {T}. Applicant {n}. NI number {ni}. Partner: none.",
    "Union rep needs: name {n}, NI no. {ni}, workplace {T}.",
    "Why does {T} text '{f}, NI {ni}, please confirm your shift' to the whole team?",
    "ni no. {ni} name {n} job {staff} at {T} please delete after reading",
    "Two P45s came from {T}, one for me and one for {n}, NI number {ni}.",
]

N["ni_number"] = [
    "{T} payroll typed my {ic} as {nib}, no such prefix exists.",
    "Starter form, {T}\nName: {n}\nNI number: {nib}\nBand: 3",
    "The guide from {T} gives QQ 12 34 56 C as an example NI number.",
    "On the {T} form it says 'NI number, e.g. QQ123456C'.",
    "My {ic} came out as {nib} on the {T} payslip, HMRC says that is not one.",
    "Name,NI Number,Pay band\n{n},{nib},5\nSource: {T} HR",
    "NI number {nis} bounced, {T} says, as the last letter is wrong.",
    "{T} emailed: 'the NI number you gave, {nis}, is not valid'.",
    "my ni is {ni5} according to {T}, a typo i guess",
    "NI no. on the {T} contract has the wrong length: {ni5}.",
    "{T} masks my NI number as {nipre} ** ** ** C on the screen.",
    "My NI number begins with {nipre}, that's all I told {T}.",
    "The last part of my NI number is {nitail}, {T} asked for nothing else.",
    "HR at {T} could only read part of it, {nip}, on the scan of the NI card.",
    "The NI card in the {T} lost property says {nip}, the rest is torn off.",
    "NI number: not yet issued. {T} has written to the job centre.",
    "VAT registration of {T}: {vat}.",
    "VAT no. {vat} stands at the foot of the {T} invoice.",
    "{T} bought the company (VAT {vat}) last year.",
    "The cleaning firm at {T} is company NI{six}, registered in Belfast.",
    "Northern Ireland company number NI {six} supplies {T} with beds.",
    "Registered in Scotland, number {sc}, a supplier of {T}.",
    "Scottish charity {sc} c/o {T} fundraising office.",
    "Scottish charity {sc} a partner of {T} in the hospice project.",
    "Part number {niser} for the {T} stretchers is on back order.",
    "Spare part {niser} fits the suction unit, says the {T} workshop.",
    "The airframe, serial {niser}, is hired by {T} for transfers.",
    "The air ambulance that works with {T}, serial number {niser}, was in the hangar.",
    "Engine no. {niser}, vehicle off the road at the {T} depot.",
    "Model {niser} hoist recalled, {T} has taken it out of use.",
    "Asset label {niser} on the {T} laptop.",
    "Invoice {niser} from {T}, thirty days.",
    "Batch {niser} of the dressing was withdrawn by {T}.",
    "Passport number {nine} was asked for by {T} recruitment, not the NI number.",
    "The company behind the {T} car park is number {eight}.",
    "Grid reference {grid6} is the rendezvous point for {T}.",
    "Charity number {seven} raises money for {T}.",
    "Ring {T} payroll on {tel}, have your NI number ready.",
    "My nurse PIN is 12A{tail4}E, says the {T} badge office.",
    "GMC number {seven}, consultant at {T}, gave the lecture.",
    "Sort code {sort}, account {acct}, for NI refunds from {T}.",
    "Ref {nipre}{six} on the {T} letter is just the typist's file.",
    "Drawing {niser} sheet two shows the new {T} clinic.",
    "{nib} is printed under the barcode of the {T} wristband printer.",
    "Door code, permit {niser}, {T} staff car park, level 2.",
    "Cylinder {niser} to be returned to {T} stores empty.",
    "{T} says the temporary reference TN{six}{sex} is no real NI number.",
    "NI contributions go up by 1.25 per cent, {T} tells its staff.",
    "What does NI {six} mean on my {T} payslip?",
    "PAYE reference {tail3}/A{tail4} belongs to {T}.",
    "Order {nis} arrived at {T} with half the boxes missing.",
    "Docket {nib}: one fridge, one kettle, deliver to {T}.",
]

P["postcode"] = [
    "My {rel} lives at {addr}, {town} {pc} and {T} went to the wrong house.",
    "Patient address: {addr}, {town}, {pc}. Referred to {T} by the GP.",
    "Can {T} send the {staff} to me please, my postcode is {pc}.",
    "hi {T} its {n}, we moved, new postcode {pc}, can u update my notes",
    "Name,Postcode,Team\n{n},{pc},{T} {ward} team",
    "{f2}: where does ur {rel} live again? {T} asking\n{f}: {pc}\n{f2}: thx",
    "Home address of {tn}: {addr}, {pc}. The letter from {T} never came.",
    "I live in {pc} and {T} say I'm out of area?",
    "Dear {T},\n{n}\n{addr}\n{town}\n{pc}\n\nI wish to complain about my care.",
    "The {staff} at {T}, {n}, lives at {addr}, {pc}, go and tell {him} yourself.",
    "Next of kin: {n2}, {addr}, {pc} (from the {T} form).",
    "The {T} list on the bench gives each patient's home: {l}, {pc}; {l2}, {pc}.",
    "our house is {pc}, SECOND time {T} has posted our letters next door",
    "My mum's {pc} if the {T} driver can't find her.",
    "Key safe at {addr}, {pc}, {tn} is in bed, ring twice. ({T} visit list)",
    "{T} home visit: {tn}, {addr}, {town} {pc}, dog in garden.",
    "Patient: {n}\nHome postcode: {pc}\nSeen by: {svc} at {T}",
    "I'm at {pc}, flat above the shop, and have waited all day in for {T}.",
    "{T} gave out {f}'s address to {his} ex: {addr}, {pc}.",
    "| Service user | Home postcode | Trust |\n|---|---|---|\n| {n} | {pc} | {T} |",
    "{{\"trust\": \"{T}\", \"patient\": \"{n}\", \"home_postcode\": \"{pc}\"}}",
    "My address is {addr}, {town}. Post code:- {pc}. I await the reply of {T}.",
    "We've lived in {street} ({pc}) for years and {T} never came out before.",
    "{tn} of {addr}, {town}, {pc}, is a patient of {T}.",
    "p/code {pc}, name {l}, waiting for {T} patient transport since 8",
    "Please deliver my {rel}'s equipment to {pc}, not to the old address, {T}!",
    "Resident {n}, {pc}, rang {T} three times last night.",
    "Delivery note from {T}: commode for {tn}, {addr}, {pc}.",
    "Is {svc} at {T} open to people at {pc}? That is where I live.",
    "The envelope from {T} said {tn}, {addr}, {pc}, and the letter inside was for somebody else.",
    "Just moved in with my {rel} at {pc}. How do we register with {T}?",
    "Staff address list, {T}: {n}, {addr}, {pc}; {n2}, {addr}, {pc}.",
    "Taxi for {tn} from {T} to home ({addr} {pc})",
    "she's at {pc} on her own with no carer. {T} say she is not on the list",
    "I, {n} of {addr}, {town} {pc}, ask {T} for a copy of my records.",
    "Our {boy} is being discharged home to {pc} on {day} and {T} has not sent the bed.",
    "Which {T} team covers me? Home postcode = {pc}.",
    "{f} {l}\n{addr}\n{town}\n{pc}\n\nTo whom it may concern at {T}",
    "Found {n}'s appointment card from {T}: {addr}, {pc}.",
    "Lost: purse with {T} card. If found please return to {f}, {addr}, {pc}.",
    "My neighbours and I ({street}, {pc}) are kept awake by the {T} generator.",
    "{T} put my home postcode {pc} in the subject line, thanks for that",
    "CAD note, {T}: caller {n} at own home {addr}, {pc}, door on latch.",
    "New address for my {rel} from {day}: {addr}, {pc}. I've told {T}.",
    "Patient lives alone at {addr}, {town} ({pc}), says the {T} letter to {tn}.",
    "please put the right {T} form in the post to me, {n}, {addr}, {pc}",
    "home addr {addr} {pc}, thats where the {T} {staff} should of gone",
]

N["postcode"] = [
    "Write to the shop at {addr}, {town} {opc} for the {T} tea towels.",
    "{T} has its offices at {site}, {spc}.",
    "Complaints go to {T}, {site}, {spc}.",
    "For the sat nav use {spc}, then follow the signs to {T}.",
    "Parking at {site} ({spc}) is being resurfaced, says {T}.",
    "Job: {staff}, {T}. Base: {site}, {spc}.",
    "{T} will hold its public meeting at the Town Hall, {street}, {town} {opc}.",
    "The council offices, {street}, {town}, {opc}, have the {T} consultation papers.",
    "The hospice shop at {addr}, {town}, {opc}, raises money with {T}.",
    "The charity behind the {T} garden is based at Unit 4, {street} Industrial Estate, {opc}.",
    "Send cheques for the {T} appeal to Friends of {ward} House, registered charity, {addr}, {town} {opc}.",
    "The {T} staff choir sings at St Barnabas Church, {street}, {opc}.",
    "Quiz night for {T} at the {ward} Arms, {street}, {town}, {opc}.",
    "The leisure centre ({opc}) is used by {T} for its falls class.",
    "{ward} Surgery, {addr}, {town} {opc}, refers its patients to {T}.",
    "The pharmacy at {addr}, {opc}, has the {T} leaflets.",
    "{T} vaccination bus stops at the supermarket, {street}, {opc}.",
    "Training by {T} at the {ward} Hotel, {street}, {town} ({opc}).",
    "Freepost {T}, PO Box {num}, {town} {opc}.",
    "Solicitors {l} & {l2} LLP, {addr}, {town} {opc}, act for {T}.",
    "The police station at {street}, {opc}, shares a yard with {T}.",
    "Ambulance station, {street}, {town}, {opc}: open day with {T}.",
    "The primary school, {street}, {opc}, was visited by {T}.",
    "{ward} College, {town} {opc}, runs the course with {T}.",
    "Venue,Postcode,Host\nCommunity Hall,{opc},{T}\nLibrary,{opc},{T}",
    "Deliver the pallets to {T} stores, Unit 7, {street} Trading Estate, {opc}.",
    "The MP's constituency office at {addr}, {opc}, has written to {T}.",
    "{ward} Care Home Ltd, {street}, {town} {opc}, was rated good; {T} supports it.",
    "Anyone in {out} know the waiting time at {T}?",
    "{T} now covers {out} and the villages around.",
    "I live in {outl} and {T} is miles away.",
    "Calls from the {out} area to {T} rose last year.",
    "Our house is in {out}, that is all the map on the {T} site asks for.",
    "My postcode is {badin} according to {T}, and no such code exists.",
    "The {T} form has my home as {addr}, {badin}, which the sat nav refuses.",
    "Patient address: {addr}, {badarea}. The {T} computer would not take it.",
    "my postcode isnt {badarea} {T}, what even is that",
    "Name,Postcode,Team\n{n},{badin},{T} {ward} team",
    "Name,Postcode,Team\n{n},{badarea},{T} {ward} team",
    "Stock item {badin} is out at {T} stores.",
    "Room {badarea} at {T} is being painted.",
    "The badge from {T} has the code {badarea} on the back.",
    "Home postcode: not given. {T} has asked again.",
    "Postcode (e.g. AB1 2CD): ________ says the {T} form.",
    "The funeral directors at {addr}, {town} {opc}, thanked {T}.",
    "Citizens Advice, {street}, {opc}, helps with complaints about {T}.",
    "The garden centre ({opc}) gave fifty plants to {T}.",
    "{T} Museum of Medicine, {street}, {town}, {opc}, is free to enter.",
    "The depot of the laundry firm for {T} is at {street}, {opc}.",
    "Register a death at the register office, {street}, {town} {opc}, the {T} booklet says.",
    "Meet the {T} governors at the bowling club, {opc}, tea provided.",
    "The union branch at {T} can be written to at {ward} House, {street}, {opc}.",
    "Press office, {T}, {site} {spc}.",
    "Charity match: {town} Rovers v the {T} staff eleven, ground at {street}, {opc}.",
    "The crown court at {town}, {opc}, heard the case that {T} had brought.",
]

P["date_of_birth"] = [
    "My {dc} is {dob} and {T} have it wrong on every letter.",
    "Patient: {n}\n{dc}: {dob}\nReferred to: {svc}, {T}",
    "I was born on {dob} and have been with {T} all my life.",
    "{tn}, born {dob}, was seen by {svc} at {T}.",
    "{n} (b. {dob}) is on the {T} list I found on the bus.",
    "hi {T} its {f}, dob {dob}, did my bloods come back",
    "Name,DOB,Team\n{n},{dob},{T} {ward} team",
    "Name,Date of Birth,Ward\n{n},{dob},{ward}\n{n2},{dob},{ward}\nSource: {T}",
    "{f2}: whats grandads d.o.b??\n{f}: {dob}\n{f2}: ok {T} have him now",
    "Our {son} {f} was born on {dobc} and {T} looked after us.",
    "{f} {l} was born at home on {dobc} with a {staff} from {T} in the room.",
    "my birthday is {dob} so how can {T} say i am over the limit",
    "Dear Sir, Name {n}, date of birth:- {dob}, under {T} since last year.",
    "{T} read out my date of birth, {dob}, to the whole waiting room.",
    "The wristband from {T} said {l}, {f}, D.O.B. {dob}.",
    "D.O.B: {dob}\nName: {n}\nConsultant at {T}: unknown",
    "Please quote your date of birth ({dob}) says the letter from {T} to {tn}.",
    "she was born {dob}, how is that too young for {svc} at {T}",
    "{T} transfer sheet: {n}, {sex}, DOB {dob}, from {ward}.",
    "In the photo of the {T} board you can read '{l} dob {dob}'.",
    "My {rel}'s birthday, {dob}, was written on the bed in marker pen at {T}.",
    "| Patient | DoB | Provider |\n|---|---|---|\n| {n} | {dob} | {T} |",
    "{{\"trust\": \"{T}\", \"patient\": \"{n}\", \"date_of_birth\": \"{dob}\"}}",
    "Born on {dob} in {town}, {n} now waits for an operation at {T}.",
    "My colleague {n} at {T} lied about {his} age, {his} date of birth is {dob} not what's on the form.",
    "Subject access request to {T}. Full name {n}. Date of birth {dob}.",
    "d.o.b {dob} name {l}, please can {T} ring me",
    "Staff file, {T}: {n}, born {dob}, started as a {staff}.",
    "They asked 'date of birth?' and I said '{dob}', and the {T} computer had nothing.",
    "The twins, {f} and {f2}, were born on {dobc} and are both under {T}.",
    "DOB - {dob} - {tn} - needs transport from {T} at ten",
    "{n}, whose date of birth is {dob}, is not the {n} that {T} treated.",
    "{T} mixed us up: I'm born {dob}, the other {l} is born {dob}.",
    "I turned up at {T}, gave my name and birth date ({dob}), and was sent home.",
    "date of birth..... {dob}\nname..... {n}\ntrust..... {T}",
    "Child: {n}\nBorn: {dobc}\nSchool nurse: {T}",
    "My little {boy}, born {dobc}, has been on the {T} list for months.",
    "Voicemail: 'hello {T}, it's {tn}, date of birth {dob}, about my appointment'.",
    "d/o/b {dob}, {sex}, lives alone, says the slip {T} left in my bag",
    "For the record: {n}, DOB: {dob}. {T} has me down as someone else.",
    "Date of birth of patient: {dob}. Name: {n}. Reason for complaint: {T} lost the notes.",
    "happy birthday to my {rel} {f}, born {dob} and still going thanks to {T}",
    "{f}'s date of birth was put in as {dob} by {T}, which is right, but the name was wrong.",
    "{T} crew sheet: pt {l}, dob {dob}, fall at home.",
    "Parent: {n}, born {dob}. Midwife notes left at {T}.",
    "It says 'DOB {dob}' on the parking permit that {T} gave {tn}, why?",
    "I am {n}, b. {dob}, former patient of {T}.",
]

N["date_of_birth"] = [
    "The {T} newborn hearing leaflet was published on {date}.",
    "{T} opened the new birth centre on {date}.",
    "{T} was born out of a merger on {date}.",
    "The charity that helps {T} was born on {fdate} in a church hall.",
    "{T} marked the NHS's birthday with cake on {date}.",
    "The NHS was born on 5 July 1948, the {T} exhibition tells us.",
    "The ward at {T} had its tenth birthday on {date}.",
    "Home births with {T} are paused from {date}.",
    "The birth plan policy of {T} is dated {date}.",
    "Put your date of birth on the form and send it to {T} by {date}.",
    "{T} needs your DOB and NHS number before {date}.",
    "DOB unknown. Admitted to {T} on {date}.",
    "d.o.b. not given, letter from {T} typed {date}",
    "Name: {n}\nDOB: __/__/____\nForm returned to {T}: {date}",
    "DOB: **/**/{year}, masked by {T} in the copy sent on {date}.",
    "DOB (dd/mm/yyyy): ________ {T} form, version of {date}",
    "{n} died on {date} in the care of {T}.",
    "My {rel} passed away {date} and {T} has not replied.",
    "My appointment at {T} is on {date}.",
    "Operation moved by {T} to {date}, third time.",
    "Board meeting of {T}: {date}, all welcome.",
    "Minutes of {T}\na. Apologies\nb. {date} minutes agreed",
    "The actor {n}, born {year}, opened the {T} garden.",
    "The singer {n} (b. {year}) visited {T}.",
    "{n}, the novelist, was born in {year} and chairs the {T} charity.",
    "My {rel} was born in {my} and is under {T}.",
    "I was born in {year}, and {T} treats me like a child.",
    "My birthday is {dm} and {T} booked my scan for that very day.",
    "It's {f}'s birthday on {dm}, sing when the {T} crew comes round!",
    "Anyone born before 1 January {year} can book a jab with {T}.",
    "People born between 1 September {year} and 31 August 1998 are called by {T} first.",
    "Staff born after 5 April {year} join the new pension, {T} says.",
    "Airborne precautions at {T} end on {date}.",
    "Meeting at the Osborne Centre, {date}, with {T}.",
    "The stubborn leak at {T} was mended on {date}.",
    "Births were up at {T}, says the report of {datew}.",
    "A copy of the birth certificate was posted to {T} on {date}.",
    "The contract with {T} was signed on {date}.",
    "Invoice date {date}, payable by {T} within thirty days.",
    "The consultation of {T} closes at noon on {date}.",
    "Deadline for the {T} award: {date}.",
    "CQC visited {T} on {date}, report to follow.",
    "Last reviewed {date}. Next review {date}. Owner: {T}",
    "Event,Date,Host\nOpen day,{date},{T}\nJobs fair,{date},{T}",
    "{T} moved to the new building on {fdate}.",
    "The old hospital, founded {fdate}, is now run by {T}.",
    "The idea for the {T} choir was born at a meeting on {date}.",
    "I started at {T} as a {staff} on {date}.",
    "Discharged {date}, readmitted the next night, well done {T}.",
    "First posted {date}: {T} answers your questions about birthing pools.",
    "Birthday party for the {T} food bank, {date}, bring a cake.",
    "Minor injuries unit of {T} closed since {date}, no reason given.",
    "Date of booking (DOB for short in our diary) {date}, room for {T} training.",
    "Date of letter: {date}\nDate of clinic: {date}\nFrom: {svc}, {T}",
    "At birth choices evening, {date}, midwives and {T} will take questions.",
    "DOB must match the passport, {T} recruitment wrote on {date}.",
]

MULTI = [
    "Patient: {n}\nDOB: {dob}\nNHS No: {nhs}\nAddress: {addr}, {town}, {pc}\nTrust: {T}",
    "{n}, {dc} {dob}, {nc} {nhs}, under {T}, please ring back.",
    "Name,DOB,NHS Number,Postcode\n{n},{dob},{nhs},{pc}\nExport from {T}",
    "Starter: {n}, born {dob}, NI {ni}, {addr}, {pc}. Welcome to {T}!",
    "{T} payroll, please note: {n}, {ic} {ni}, date of birth {dob}.",
    "I am {n}, NHS number {nhs}, NI number {ni}, and {T} has lost both.",
    "my postcode is {pc} and dob {dob} and {T} STILL cant find me",
    "Tribunal papers, {T}: claimant {n}, {addr}, {pc}, National Insurance {ni}.",
    "Re: {tn}, {addr}, {town} {pc}. NHS number {nhs}. Dear colleague at {T}, thank you for your letter.",
    "d.o.b. {dob}; NHS no. {nhs}; home {pc}; {T} list, page 2",
    "P45 for {n}, NI No {ni}, of {addr}, {pc}, from {T}.",
    "{f} {l} / {dob} (DOB) / {nhs} (NHS) / {T}",
    "Lost card: {n}, born {dob}, NINO {ni}. Hand in at {T} reception.",
    "The whole record was on screen at {T}: name {n}, date of birth {dob}, NI number {ni}, NHS number {nhs}, home postcode {pc}.",
    "HR sheet, {T}\nName: {n}\nNI: {ni}\nHome: {addr}, {pc}\nDOB: {dob}",
    "benefit form done by {T}: {n}, ni {ni}, home postcode {pc}",
]
MIXED = [    # a true identifier beside a hard negative of another kind
    "{T}, {site}, {spc}\nTel: {tel}\n\nPatient: {tn}\nNHS number: {nhs}\nClinic date: {date}",
    "{T}, {site}, {spc}\n\nRe: {tn}, date of birth {dob}\nClinic date {date}",
    "Write to {T} at {site}, {spc}. My home is {addr}, {town}, {pc}.",
    "Order {ten} for {T}: one bed, deliver to {tn} at home, {addr}, {pc}.",
    "Payslip {T}, pay date {date}, {n}, NI number {ni}, tel {tel}.",
    "My NHS number is {nhs}, the phone is +44 {ph10}, {T} rings neither.",
    "NHS No {nhsbad} is wrong and my date of birth, {dob}, is right, please tell {T}.",
    "NI number {nib} was on the {T} form, date of birth {dob} was correct.",
    "My postcode is {pc}; {T} has {badin} on the label.",
    "{tn}, NI {ni}, started at {T} on {date}, invoice {tens}.",
    "Appointment with {T} on {date} at {site} ({spc}). Patient NHS number {nhs}.",
    "Name {n}, DOB {dob}, next visit {date} by the {staff} from {T}, phone {tel}.",
    "{n} of {addr}, {pc}, was sent home on {date}; {T} has lost the notes.",
    "Case number {tens}, {T}: complainant {n}, born {dob}, NHS number masked as *** *** **{num}.",
    "{T} typed {nhsbad} for my NHS number. It should be {nhs}.",
    "Employee {n}: NI number {ni}; company number of the agency {eight}; placed with {T}.",
]
MIXEDNEG = [
    "{T}, {site}, {spc}. Tel {tel}. VAT {vat}. Published {date}.",
    "NHS number {nhsbad}, NI number {nib}, {T} test record, created {date}.",
    "Supplier to {T}: {street} Trading Estate, {opc}, VAT {vat}, order {ten}, due {date}.",
    "Test patient in the {T} demo: NHS No {run}, postcode {badarea}, NI QQ123456C.",
    "{T} form: DOB __/__/____ NI number QQ 12 34 56 C postcode {out} return by {date}",
    "Event by {T}, {date}, at the hall, {street}, {opc}, book on {tel}, ref {tens}.",
    "ISBN {isbn}, published {date}, about {T}, sold at the shop, {addr}, {opc}.",
    "Invoice {ten} dated {date}, {T}, {site}, {spc}, part {niser}.",
]
KINDS = ["nhs_number", "ni_number", "postcode", "date_of_birth"]


def build(r, group, index, frame):
    w = World(r)
    raw = frame.replace("{{", "\x01").replace("}}", "\x02")
    w.table = "\n" in raw or "|" in raw or "\x01" in raw
    text = w.fill(raw).replace("\x01", "{").replace("\x02", "}")
    note = ""
    multi = "\n" in text
    gap = "\n\n" if multi else " "
    if "{T}" not in raw:
        text = r.choice(LEAD).replace("{T}", w.name) + gap + text
    if r.random() < .5:
        s = r.choice(NEUTRAL)
        end = "" if text[-1] in ".!?:}|)'" or multi else r.choice([".", ".", " -"])
        if r.random() < .25:
            text, note = s + gap + text, ", neutral sentence before"
        else:
            text, note = text + end + gap + s, ", neutral sentence after"
    polarity = "positive" if w.has else "negative"
    extra = (" [" + ", ".join(w.notes) + "]") if w.notes else ""
    return {"text": text, "has": sorted(w.has), "why": f"{polarity}, {group} frame {index:02d}{extra}{note}"}


def generate(seed, count):
    r = random.Random(seed)
    plan = []
    for k in KINDS:
        plan += [(f"{k}+", P[k], 11.4), (f"{k}-", N[k], 11.3)]
    plan += [("multi+", MULTI, 3.5), ("mixed+", MIXED, 3.5), ("mixed-", MIXEDNEG, 2.0)]
    decks = {}
    for n in range(count):
        name, frames, _ = r.choices(plan, [p[2] for p in plan])[0]
        if not decks.get(name):                      # every frame once before any comes again
            decks[name] = r.sample(range(len(frames)), len(frames))
        i = decks[name].pop()
        row = build(r, name, i, frames[i])
        assert bool(row["has"]) == name.endswith("+"), (name, i)
        yield {"id": f"id-{seed}-{n + 1:05d}", **row}


def main():
    a = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    a.add_argument("--seed", type=int, default=1)
    a.add_argument("--count", type=int, default=1000)
    o = a.parse_args()
    for row in generate(o.seed, o.count):
        print(json.dumps(row, ensure_ascii=False))


if __name__ == "__main__":
    main()
