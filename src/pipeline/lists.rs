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
    let (mut entries, mut digests, mut failed) = (Vec::new(), Vec::new(), None);
    let started = tokio::time::Instant::now();
    for url in lists {
        // What is not reached this time comes another time.
        if started.elapsed() > visit.parts.patience() {
            failed = Some(Failure::new("slow", "its lists take too long", FailureClass::Temporary));
            break;
        }
        let page = match fetch(visit, url).await {
            Ok(page) => page,
            Err(failure) => {
                failed = Some(failure);
                continue;
            }
        };
        digests.push(sha256_hex(&page.body));
        // Lists of lists of lists are not followed.
        match read_list(visit, page, options).await {
            Ok(Sitemap::Pages(found)) => entries.extend(found),
            Ok(Sitemap::Lists(_)) => {}
            Err(failure) => failed = Some(failure),
        }
    }
    match failed {
        Some(failure) if entries.is_empty() => Err(failure.of_a_part()),
        failed => Ok(Listed {
            entries,
            is_cut: failed.is_some(),
            more: Some(digests.join(" ")),
            ..Listed::default()
        }),
    }
}

async fn read_list(visit: Visit<'_>, mut page: Page, options: &SitemapOptions) -> Result<Sitemap, Failure> {
    let (most, at, options) = (visit.parts.fetcher.max_body_bytes(), visit.at, options.clone());
    page.body = unpacked(page.body, most).await?;
    let read = visit.parts.compute(move || {
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
    let (mut page, mut is_cut, started) = (page, false, tokio::time::Instant::now());
    for number in 1..=options.max_pages {
        // Whatever the answer was called in the end, a next page is told from where it was asked.
        page.url = if visit.planned.has_secret_address() { first.clone() } else { page.url };
        let (base, at, own) = (page.url.clone(), visit.at, options.clone());
        let read = visit.parts.compute(move || {
            let text = text_of(&page)?;
            Ok::<_, Failure>(read_api(&text, &base, at, &own)?)
        });
        let read = read.await.unwrap_or_else(|_| Err(Failure::unreadable("the parser failed on it")))?;
        let is_empty = read.entries.is_empty();
        entries.extend(read.entries);
        if started.elapsed() > visit.parts.patience() {
            is_cut = number < options.max_pages;
            break;
        }
        let next = options.counted(&first, number).or(read.next);
        let Some(next) = next.filter(|_| number < options.max_pages && !is_empty && entries.len() < most)
        else {
            break;
        };
        page = match fetch(visit, next).await {
            Ok(page) => page,
            Err(failure) if entries.is_empty() => return Err(failure.of_a_part()),
            // What the pages before said is kept; the rest comes another time.
            Err(_) => {
                is_cut = true;
                break;
            }
        };
        digests.push(sha256_hex(&page.body));
    }
    entries.truncate(most);
    let more = (options.max_pages > 1).then(|| digests.join(" "));
    Ok(Listed { entries, is_cut, more, ..Listed::default() })
}

async fn fetch(visit: Visit<'_>, url: url::Url) -> Result<Page, Failure> {
    match visit.parts.fetcher.fetch(request(visit.planned, url)).await {
        Ok(Fetched::Page(page)) => Ok(page),
        Ok(Fetched::NotModified(_)) => Err(Failure::unreadable("304 to a plain request")),
        Err(error) => Err(refused(error).await),
    }
}
