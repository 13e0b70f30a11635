//! One address for one page: fragment and tracking parameters go, the rest stays in its order, since
//! some sites answer differently when parameters move.

use url::Url;

use super::Options;

/// The canonical form of `url`. Idempotent.
pub fn canonical_url(url: &Url, options: &Options) -> Url {
    let mut url = url.clone();
    url.set_fragment(None);
    if url.query().is_some() {
        let kept: Vec<&str> =
            url.query().unwrap_or_default().split('&').filter(|pair| !is_tracking(pair, options)).collect();
        let query = kept.into_iter().filter(|pair| !pair.is_empty()).collect::<Vec<_>>().join("&");
        url.set_query((!query.is_empty()).then_some(query.as_str()));
    }
    url
}

fn is_tracking(pair: &str, options: &Options) -> bool {
    let name = pair.split('=').next().unwrap_or_default().to_ascii_lowercase();
    options.tracking_parameters.iter().any(|known| match known.strip_suffix('*') {
        Some(prefix) => name.starts_with(prefix),
        None => name == *known,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn canonical(text: &str) -> String {
        canonical_url(&Url::parse(text).unwrap(), &Options::default()).into()
    }

    #[test]
    fn tracking_goes_and_the_rest_stays() {
        assert_eq!(
            canonical("https://A.example:443/x?b=2&utm_source=t&a=1&fbclid=9#top"),
            "https://a.example/x?b=2&a=1"
        );
        assert_eq!(canonical("https://a.example/x?utm_source=t"), "https://a.example/x");
        assert_eq!(canonical("https://a.example/x?reference=1"), "https://a.example/x?reference=1");
    }

    proptest! {
        #[test]
        fn twice_is_once(query in "[a-z&=%_+]{0,40}") {
            let once = canonical(&format!("https://a.example/p?{query}"));
            prop_assert_eq!(canonical(&once), once.clone());
        }
    }
}
