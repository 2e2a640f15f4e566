//! The few query parameters that filters read.

use std::borrow::Cow;

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

/// Undoes `%XX` and `+`. What is not encoded rightly stays as it is.
fn decode(text: &str) -> Cow<'_, str> {
    if !text.bytes().any(|byte| byte == b'%' || byte == b'+') {
        return Cow::Borrowed(text);
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let hex = |at: usize| after.get(at).and_then(|&byte| char::from(byte).to_digit(16));
        rest = after;
        match (first, hex(0), hex(1)) {
            (b'%', Some(high), Some(low)) => {
                bytes.push((high * 16 + low) as u8);
                rest = &after[2..];
            }
            (b'+', ..) => bytes.push(b' '),
            _ => bytes.push(first),
        }
    }
    Cow::Owned(String::from_utf8_lossy(&bytes).into_owned())
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
