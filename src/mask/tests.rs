use proptest::prelude::*;

use super::*;

fn mask(text: &str) -> String {
    Masker::default().mask(text).as_str().to_owned()
}

#[test]
fn each_kind_has_its_mask() {
    assert_eq!(mask("NHS number 943 476 5919."), "NHS number *** *** **19.");
    assert_eq!(mask("nino AB 12 34 56 C"), "nino ** ** ** ** C");
    assert_eq!(mask("lives at SO19 4RT now"), "lives at SO19 *** now");
    assert_eq!(mask("DOB: 12/03/1951"), "DOB: **/**/1951");
    assert_eq!(mask("born 3rd of March 1951 in"), "born **/**/1951 in");
    assert_eq!(mask("ring 01632 960123 or +44 7700 900123"), "ring [phone] or [phone]");
    assert_eq!(mask("mail jo.bloggs@example.org"), "mail [e-mail]");
    assert_eq!(mask("his car AB12 CDE"), "his car [number plate]");
}

#[test]
fn every_spacing_of_an_nhs_number_is_masked() {
    for written in [
        "9434765919",
        "943-476-5919",
        "943.476.5919",
        "943 / 476 / 5919",
        "9 4 3 4 7 6 5 9 1 9",
        "94347 65919",
        "943\n476 5919",
        "９４３ ４７６ ５９１９",
        "943\u{200b}476\u{200b}5919",
        "943_476_5919",
        "943 -- 476 -- 5919",
        "943---476---5919",
    ] {
        let masked = mask(&format!("x {written} y"));
        assert_eq!(masked, "x *** *** **19 y", "{written:?}");
    }
}

#[test]
fn the_right_ten_digits_are_taken_from_a_row_of_numbers() {
    let masked = mask("13:00\tHARGREAVE\t12-Sep-1958\t943 476 5919\t4 Acacia");
    assert!(masked.contains("*** *** **19"), "{masked}");
    assert!(masked.contains("1958"), "{masked}");
}

#[test]
fn every_prefix_that_hmrc_issues_is_known() {
    for letter in "ABCEGHJKLMNOPRSTWXYZ".chars() {
        assert_eq!(mask(&format!("{letter}A123456B")), "** ** ** ** B", "{letter} first");
    }
    for letter in "ABCEGHJKLMNPRSTWXYZ".chars() {
        assert_eq!(mask(&format!("A{letter}123456B")), "** ** ** ** B", "{letter} second");
    }
    for letter in "DFIQUV".chars() {
        let (first, second) = (format!("{letter}A123456B"), format!("A{letter}123456B"));
        assert_eq!((mask(&first), mask(&second)), (first, second));
    }
}

#[test]
fn a_phone_number_with_its_country_code_is_no_nhs_number() {
    // The ten digits after the code pass the check, as one phone number in eleven does.
    let digits = [7, 7, 0, 0, 9, 0, 0, 0, 1, 9];
    assert!(is_nhs_number(&digits));
    for phone in
        ["+44 7700 900 019", "+44 (0)7700 900019", "+447700900019", "0044 7700900019", "(+44) 7700-900019"]
    {
        assert_eq!(mask(&format!("ring {phone} now")), "ring [phone] now");
    }
    assert_eq!(mask("44 943 476 5919"), "44 *** *** **19", "without a plus it is no code");
}

#[test]
fn where_shapes_overlap_all_of_them_is_hidden() {
    // 79460 123 | 9 9 … and 9 9 8 1 8 3 3 1 6 9 both pass the check.
    let masked = mask("+44 20 7946 0122, 9 9 8 1 8 3 3 1 6 9");
    assert!(!masked.chars().any(|c| matches!(c, '1' | '3' | '7' | '8')), "{masked}");
    assert_eq!(mask("write to 9434765919@mail.example"), "write to [e-mail]");
}

#[test]
fn a_district_and_the_next_word_are_no_number_plate() {
    for plain in ["SO19 and PO1", "in PO12 the", "NE10 are"] {
        assert_eq!(mask(plain), plain);
    }
    for plate in ["SO19 AND", "so19 and", "SO19AND", "SO19 abc"] {
        assert_eq!(mask(plate), "[number plate]");
    }
}

#[test]
fn what_once_slipped_through_does_not_again() {
    assert_eq!(mask(" 0010301003 end"), " *** *** **03 end");
    assert_eq!(mask("0"), "0");
}

#[test]
fn what_is_no_identifier_stays() {
    for plain in [
        "Order 1234567890 shipped",
        "1111111111",
        "on 20 November 2026",
        "£1,234,567.89",
        "the Solent",
        "prefix QQ123456C",
        "GB 12 34 56 C",
        "reopens on 16 March 2026",
        "SO19 alone",
        "page 1 of 3",
    ] {
        assert_eq!(mask(plain), plain);
    }
}

#[test]
fn the_trusts_own_are_spared() {
    let profile: Profile = toml::from_str(
        "id='x'\nname='X'\nshort_name='X'\ndomains=['x.nhs.uk']\n[[site]]\nname='HQ'\npostcodes=['SO19 4RT']\n\
         [contact]\nphones=['01632 960123']\nmailboxes=['pals@other.example']",
    )
    .unwrap();
    let masker = Masker::new([&profile]);
    let text = "so194rt, +44 1632 960123, PALS@other.example, a@mail.x.nhs.uk";
    assert_eq!(masker.mask(text).as_str(), text);
    assert_eq!(masker.mask("a@notx.nhs.uk").as_str(), "[e-mail]");
}

#[test]
fn an_address_with_a_shape_in_it_is_never_linked() {
    let masker = Masker::default();
    assert!(masker.mask_url("https://paper.example/2026/03/04/story-1234").linkable);
    for url in [
        "https://x.example/KETTLE_A_9434765919.txt",
        "https://x.example/?n=943%20476%205919",
        "https://x.example/?n=943+476+5919",
        "https://x.example/u/jo%40mail.example",
    ] {
        let masked = masker.mask_url(url);
        assert!(!masked.linkable, "{url}");
        assert_eq!(masked.text.as_str(), "x.example/[masked]");
    }
}

#[test]
fn lines_lose_their_breaks_and_controls() {
    assert_eq!(Masker::default().mask_line("a\r\nBcc: b\u{0}\tc").as_str(), "a Bcc: b c");
}

/// Any valid NHS number, made from nine digits.
fn nhs_number() -> impl Strategy<Value = String> {
    prop::collection::vec(0_u8..10, 9).prop_filter_map("no check digit", |nine| {
        (0..10).find_map(|check| {
            let mut ten = [check; 10];
            ten[..9].copy_from_slice(&nine);
            is_nhs_number(&ten).then(|| ten.iter().map(|digit| char::from(b'0' + digit)).collect())
        })
    })
}

proptest! {
    #[test]
    fn masking_twice_is_masking_once(text in "(?s).{0,120}") {
        let masker = Masker::default();
        let once = masker.mask(&text);
        prop_assert_eq!(masker.mask(once.as_str()), once);
    }

    #[test]
    fn no_nhs_number_survives(number in nhs_number(), before in "[a-z ]{0,12}", gap in "[ .-]{0,2}") {
        let spaced = format!("{before} {}{gap}{}{gap}{} end", &number[..3], &number[3..6], &number[6..]);
        let masked = Masker::default().mask(&spaced);
        prop_assert!(!masked.as_str().contains(&number[..6]), "{}", masked);
        prop_assert!(!Masker::default().finds(masked.as_str()));
    }

    #[test]
    fn text_around_a_mask_is_kept(number in nhs_number(), before in "[a-zé ]{0,12}", after in "[a-zé ]{0,12}") {
        let masked = Masker::default().mask(&format!("{before}|{number}|{after}"));
        prop_assert!(masked.as_str().starts_with(&before) && masked.as_str().ends_with(&after));
    }
}
