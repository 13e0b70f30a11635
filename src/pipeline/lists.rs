//! Sources that one answer does not tell whole: sitemaps that lead to lists, interfaces that answer page by page.

use super::poll::{Failure, refused};
use super::visit::{Listed, Visit, request, text_of};
use crate::fetch::{FailureClass, Fetched, Page, unpacked};
use crate::model::Entry;
use crate::secret::sha256_hex;
use crate::source::{ApiError, ApiOptions, Sitemap, SitemapOptions, read_api, read_sitemap};

impl From<ApiError> for Failure {
    fn from(error: ApiError) -> Self {
        let reason = match error {
            ApiError::Json(_) => "no_json",
            ApiError::NoList(..) | ApiError::NoItem(..) => "not_as_described",
        };
        Self::new(reason, error.to_string(), FailureClass::Soft)
    }
}

/// A sitemap with the lists that it leads to.
pub(super) async fn sitemap(
    visit: Visit<'_>,
    page: Page,
    options: &SitemapOptions,
) -> Result<Listed, Failure> {
    let lists = match read_list(visit, page, options).await? {
        Sitemap::Pages(entries) => return Ok(Listed { entries, ..Listed::default() }),
        Sitemap::Lists(lists) => lists,
    };
    let (mut entries, mut digests) = (Vec::new(), Vec::new());
    for url in lists {
        let page = fetch(visit, url).await?;
        digests.push(sha256_hex(&page.body));
        // Lists of lists of lists are not followed.
        if let Sitemap::Pages(found) = read_list(visit, page, options).await? {
            entries.extend(found);
        }
    }
    Ok(Listed { entries, more: Some(digests.join(" ")), ..Listed::default() })
}

async fn read_list(visit: Visit<'_>, mut page: Page, options: &SitemapOptions) -> Result<Sitemap, Failure> {
    let (most, at, options) = (visit.parts.fetcher.max_body_bytes(), visit.at, options.clone());
    page.body = unpacked(page.body, most).await?;
    let read = tokio::task::spawn_blocking(move || {
        let text = text_of(&page)?;
        let none = || Failure::new("not_a_sitemap", "it is no sitemap", FailureClass::Soft);
        read_sitemap(&text, &page.url, at, &options).ok_or_else(none)
    });
    read.await.unwrap_or_else(|_| Err(Failure::unreadable("the parser failed on it")))
}

/// An interface, page by page.
pub(super) async fn api(visit: Visit<'_>, page: Page, options: &ApiOptions) -> Result<Listed, Failure> {
    let first = visit.planned.address(visit.at);
    let most = visit.parts.options.source.max_entries;
    let (mut entries, mut digests): (Vec<Entry>, Vec<String>) = (Vec::new(), Vec::new());
    let mut page = page;
    for number in 1..=options.max_pages {
        // Whatever the answer was called in the end, a next page is told from where it was asked.
        page.url = if visit.planned.has_secret_address() { first.clone() } else { page.url };
        let (base, at, own) = (page.url.clone(), visit.at, options.clone());
        let read = tokio::task::spawn_blocking(move || {
            let text = text_of(&page)?;
            Ok::<_, Failure>(read_api(&text, &base, at, &own)?)
        });
        let read = read.await.unwrap_or_else(|_| Err(Failure::unreadable("the parser failed on it")))?;
        let is_empty = read.entries.is_empty();
        entries.extend(read.entries);
        let next = options.counted(&first, number).or(read.next);
        let Some(next) = next.filter(|_| number < options.max_pages && !is_empty && entries.len() < most)
        else {
            break;
        };
        page = fetch(visit, next).await?;
        digests.push(sha256_hex(&page.body));
    }
    entries.truncate(most);
    if visit.planned.has_secret_address() {
        // A link that was told from an address with the key in it must not carry it on.
        let own = visit.planned.source.url.origin();
        entries.retain_mut(|entry| {
            let is_own = url::Url::parse(&entry.url).is_ok_and(|url| url.origin() == own);
            if is_own && visit.planned.holds_secret(&entry.url) {
                entry.url.clear();
            }
            !visit.planned.holds_secret(&entry.key)
        });
    }
    let more = (options.max_pages > 1).then(|| digests.join(" "));
    Ok(Listed { entries, more, ..Listed::default() })
}

async fn fetch(visit: Visit<'_>, url: url::Url) -> Result<Page, Failure> {
    match visit.parts.fetcher.fetch(request(visit.planned, url)).await {
        Ok(Fetched::Page(page)) => Ok(page),
        Ok(Fetched::NotModified(_)) => Err(Failure::unreadable("304 to a plain request")),
        Err(error) => Err(refused(error).await),
    }
}
