//! The few query parameters that filters read, with nothing allocated for requests that have none of them.

use std::borrow::Cow;

use crate::request::query;

/// The values of a parameter, in their order; one without `=` is empty.
pub fn values<'a>(query: &'a str, name: &'a str) -> impl Iterator<Item = Cow<'a, str>> {
    query.split('&').filter_map(move |pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decode(key) == name).then(|| decode(value))
    })
}

/// The first value of a parameter.
pub fn first<'a>(query: &'a str, name: &'a str) -> Option<Cow<'a, str>> {
    if query.is_empty() { None } else { values(query, name).next() }
}

fn decode(text: &str) -> Cow<'_, str> {
    if text.contains('+') {
        Cow::Owned(query::decode(&text.replace('+', " ")).into_owned())
    } else {
        query::decode(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_found_by_name() {
        check("", "timeout", &[]);
        check("timeout=5s", "timeout", &["5s"]);
        check("a=b&verbose", "verbose", &[""]);
        check("exclude=a&exclude=b", "exclude", &["a", "b"]);
        check("exclude=%5Ba+b%5D%zz%2", "exclude", &["[a b]%zz%2"]);
        check("timeouts=5s", "timeout", &[]);
        check("time%6fut=5s", "timeout", &["5s"]);
    }

    fn check(query: &str, name: &str, expected: &[&str]) {
        assert_eq!(values(query, name).collect::<Vec<_>>(), expected, "{query}");
    }
}
