//! Whether two pictures are the same icon or logo, by a perceptual hash: held in memory, never stored. A logo inside a
//! larger picture is not found this way, nor are drawings (SVG).

use std::io::Cursor;

use image::{GenericImageView, ImageReader, Limits};
use image_hasher::{HashAlg, HasherConfig, ImageHash};
use scraper::Selector;
use url::Url;

use crate::markup;

/// Pixels of a side that are decoded.
const MAX_SIDE: u32 = 4096;
/// Memory that decoding may take (bytes).
const MAX_ALLOCATION: u64 = 128 * 1024 * 1024;
/// Bits of a hash of 256 in which the same picture may differ (recompressed, another size: 17 to 44; others: about 128).
const MAX_DISTANCE: u32 = 50;
/// Grey levels between the darkest and the brightest parts; below it a picture is flat, and all flat ones look alike.
const MIN_CONTRAST: u8 = 40;
/// Of a hundred pixels, so many must differ from the commonest grey: a dot on white is as good as flat.
const MIN_VARIED: usize = 4;

/// What a picture looks like.
#[derive(Debug, Clone)]
pub struct Picture(ImageHash);

impl Picture {
    /// Reads a picture; `None` where it is none that we read, too large, or nearly flat.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let mut reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format().ok()?;
        let mut limits = Limits::default();
        limits.max_image_width = Some(MAX_SIDE);
        limits.max_image_height = Some(MAX_SIDE);
        limits.max_alloc = Some(MAX_ALLOCATION);
        reader.limits(limits);
        let picture = reader.decode().ok()?;
        let (width, height) = picture.dimensions();
        if width < 16 || height < 16 || is_flat(&picture) {
            return None;
        }
        let hasher = HasherConfig::new().hash_alg(HashAlg::Gradient).hash_size(16, 16).to_hasher();
        Some(Self(hasher.hash_image(&picture)))
    }

    /// Whether both are the same picture, perhaps in another size or quality.
    pub fn is_same(&self, other: &Self) -> bool {
        self.0.dist(&other.0) <= MAX_DISTANCE
    }
}

fn is_flat(picture: &image::DynamicImage) -> bool {
    let small = picture.thumbnail(64, 64).to_luma8();
    let mut levels: Vec<u8> = small.pixels().map(|pixel| pixel.0[0]).collect();
    levels.sort_unstable();
    let (Some(darkest), Some(brightest)) = (levels.first(), levels.last()) else { return true };
    let commonest = levels.chunk_by(|a, b| a.abs_diff(*b) <= 2).map(<[u8]>::len).max().unwrap_or_default();
    let varied = levels.len() - commonest;
    brightest - darkest < MIN_CONTRAST || varied * 100 < levels.len() * MIN_VARIED
}

/// Where a page's icons and logos are, icons first.
pub fn logos(html: &str, base: &Url) -> Vec<Url> {
    let tree = markup::document(html);
    let select = |css: &str, attribute: &str| -> Vec<String> {
        let Ok(selector) = Selector::parse(css) else { return Vec::new() };
        tree.select(&selector).filter_map(|element| element.attr(attribute).map(str::to_owned)).collect()
    };
    let mut found: Vec<Url> = Vec::new();
    let icons = select("link[rel~='icon' i][href], link[rel='apple-touch-icon' i][href]", "href");
    let marked = "img[src*='logo' i], img[alt*='logo' i], img[class*='logo' i], img[id*='logo' i], [class*='logo' i] img[src]";
    let usual = vec!["/favicon.ico".to_owned()];
    for address in icons.into_iter().chain(select(marked, "src")).chain(usual) {
        if let Ok(url) = base.join(address.trim())
            && matches!(url.scheme(), "http" | "https")
            && !found.contains(&url)
        {
            found.push(url);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{DynamicImage, ImageFormat, Rgb, RgbImage, imageops::FilterType};

    fn png(picture: &DynamicImage) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        picture.write_to(&mut bytes, ImageFormat::Png).unwrap();
        bytes.into_inner()
    }

    /// A crest of bars and discs that depend on `seed`.
    fn crest(seed: u32) -> DynamicImage {
        let mut picture = RgbImage::from_pixel(128, 128, Rgb([255, 255, 255]));
        for y in 0..128_u32 {
            for x in 0..128_u32 {
                let bar = (x / (9 + seed % 7) + y / (13 + seed % 5) * seed).is_multiple_of(3);
                let disc = x.abs_diff(40 + seed % 40).pow(2) + y.abs_diff(64).pow(2) < 900;
                if bar || disc {
                    picture.put_pixel(x, y, Rgb([0, 94, u8::try_from(seed * 37 % 256).unwrap()]));
                }
            }
        }
        DynamicImage::ImageRgb8(picture)
    }

    #[test]
    fn the_same_crest_is_known_in_another_size_and_quality() {
        let original = Picture::read(&png(&crest(3))).unwrap();
        let small = crest(3).resize_exact(57, 57, FilterType::Triangle);
        let mut jpeg = Cursor::new(Vec::new());
        small.to_rgb8().write_to(&mut jpeg, ImageFormat::Jpeg).unwrap();
        assert!(original.is_same(&Picture::read(jpeg.get_ref()).unwrap()));
        for seed in [4, 5, 8, 11] {
            assert!(!original.is_same(&Picture::read(&png(&crest(seed))).unwrap()), "{seed}");
        }
    }

    #[test]
    fn flat_tiny_and_broken_pictures_are_none() {
        let flat = DynamicImage::ImageRgb8(RgbImage::from_pixel(64, 64, Rgb([0, 94, 184])));
        assert!(Picture::read(&png(&flat)).is_none());
        let mut dotted = RgbImage::from_pixel(64, 64, Rgb([255, 255, 255]));
        dotted.put_pixel(3, 3, Rgb([0, 0, 0]));
        assert!(Picture::read(&png(&DynamicImage::ImageRgb8(dotted))).is_none());
        assert!(Picture::read(&png(&crest(3).resize_exact(8, 8, FilterType::Nearest))).is_none());
        assert!(Picture::read(b"\x89PNG\r\n\x1a\nnothing").is_none());
        assert!(Picture::read(b"<svg/>").is_none());
    }

    #[test]
    fn icons_come_before_logos_and_the_usual_place_last() {
        let html = "<link rel='shortcut icon' href='/i.png'><img src='/photo.jpg'><div class='site-logo'><img src='crest.png'></div><img alt='Trust logo' src='data:x'>";
        let found: Vec<String> =
            logos(html, &Url::parse("https://a.example/x/").unwrap()).into_iter().map(String::from).collect();
        assert_eq!(
            found,
            ["https://a.example/i.png", "https://a.example/x/crest.png", "https://a.example/favicon.ico"]
        );
    }
}
