//! Content negotiation: which of two media types a reader prefers (RFC 9110, section 12.5.1).

/// The weight that a header `Accept` gives a media type, 0 to 1; the most specific range that holds it decides. 1 where
/// there is no header.
pub fn weight(header: &str, media: &str) -> f32 {
    if header.trim().is_empty() {
        return 1.0;
    }
    let kind = media.split('/').next().unwrap_or_default();
    let specificity = |range: &str| match range {
        range if range.eq_ignore_ascii_case(media) => Some(2),
        range if range.strip_suffix("/*").is_some_and(|of| of.eq_ignore_ascii_case(kind)) => Some(1),
        "*/*" => Some(0),
        _ => None,
    };
    let mut best = (-1, 0.0);
    for entry in header.split(',') {
        let mut parts = entry.split(';').map(str::trim);
        let Some(found) = parts.next().and_then(specificity) else { continue };
        let quality = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
        let quality = quality.map_or(1.0, |text| text.trim().parse().unwrap_or(0.0_f32).clamp(0.0, 1.0));
        if found > best.0 || (found == best.0 && quality > best.1) {
            best = (found, quality);
        }
    }
    best.1
}

/// Whether a header `Accept` names a media type and doesn't refuse it.
pub fn names(header: &str, media: &str) -> bool {
    let is_it = |entry: &str| entry.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(media);
    header.split(',').any(is_it) && weight(header, media) > 0.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[allow(clippy::float_cmp)] // they are read from text
    fn the_most_specific_range_decides() {
        let open = |header: &str| weight(header, "application/openmetrics-text");
        assert_eq!(open(""), 1.0);
        assert_eq!(open("*/*"), 1.0);
        assert_eq!(open("application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"), 1.0);
        assert_eq!(open("application/openmetrics-text;q=0, */*"), 0.0, "refused by name");
        assert_eq!(open("text/plain, application/*;q=0.3"), 0.3);
        assert_eq!(open("text/plain"), 0.0);
        assert_eq!(open("Application/OpenMetrics-Text; q=0.2"), 0.2);
        assert_eq!(open("application/openmetrics-text;q=x"), 0.0);
        let named = |header: &str| names(header, "text/plain");
        assert!(named("text/html, text/plain;q=0.1") && !named("*/*") && !named("text/plain;q=0"));
    }
}
