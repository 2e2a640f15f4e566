//! The Accept header, as far as documents that never change need it.

/// One clause of an Accept header.
#[derive(Debug, PartialEq)]
pub(crate) struct MediaRange<'a> {
    /// In lower case, without parameters.
    pub media_type: String,
    parameters: Vec<(&'a str, &'a str)>,
}

impl<'a> MediaRange<'a> {
    /// A parameter such as `as`.
    pub fn parameter(&self, name: &str) -> Option<&'a str> {
        self.parameters.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| *value)
    }
}

/// The clauses of an Accept header, the most wanted first; an empty header wants anything.
pub(crate) fn media_ranges(accept: &str) -> Vec<MediaRange<'_>> {
    let mut ranges = Vec::new();
    for clause in accept.split(',').map(str::trim).filter(|clause| !clause.is_empty()) {
        let mut parts = clause.split(';').map(str::trim);
        let media_type = parts.next().unwrap_or_default().to_ascii_lowercase();
        let parameters: Vec<_> = parts
            .filter_map(|part| part.split_once('='))
            .map(|(key, value)| (key.trim(), value.trim().trim_matches('"')))
            .collect();
        let range = MediaRange { media_type, parameters };
        let quality = range.parameter("q").and_then(|q| q.parse().ok()).unwrap_or(1.0);
        if quality > 0.0 {
            ranges.push((quality, range));
        }
    }
    if accept.trim().is_empty() {
        ranges.push((1.0, MediaRange { media_type: "*/*".into(), parameters: Vec::new() }));
    }
    // The sort is stable: of equals, the one named first wins.
    ranges.sort_by(|(a, _): &(f32, _), (b, _)| b.total_cmp(a));
    ranges.into_iter().map(|(_, range)| range).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clauses_come_in_the_order_of_preference() {
        let check = |accept: &str, expected: &str| {
            let types: Vec<String> = media_ranges(accept).into_iter().map(|range| range.media_type).collect();
            assert_eq!(types.join(" "), expected, "{accept}");
        };
        check("", "*/*");
        check("application/json", "application/json");
        check("text/html;q=0.2, Application/JSON , */*;q=0.1", "application/json text/html */*");
        check("a/b;q=0, c/d", "c/d");
        check("a/b;q=0", "");
    }

    #[test]
    fn parameters_are_found_by_name() {
        let ranges = media_ranges("application/json; as=Table ;v=\"v1\";q=0.5");
        assert_eq!(ranges[0].parameter("as"), Some("Table"));
        assert_eq!(ranges[0].parameter("v"), Some("v1"));
        assert_eq!(ranges[0].parameter("g"), None);
    }
}
