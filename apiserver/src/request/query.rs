//! The query of a URL.

use std::borrow::Cow;

/// The parameters of a query, decoded, in their order; a name may be there more than once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query(Vec<(String, String)>);

impl Query {
    /// Reads what follows the `?`.
    pub fn parse(text: &str) -> Self {
        let decode = |part: &str| decode(&part.replace('+', " ")).into_owned();
        let pairs = text.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(name), decode(value))
        });
        Self(pairs.collect())
    }

    /// The first value of a parameter; absent and empty are told apart.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// The first value of a parameter; absent is empty.
    pub fn text(&self, name: &str) -> &str {
        self.get(name).unwrap_or_default()
    }

    /// All values of a parameter.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// A flag as Kubernetes reads one: there and not `false`, in whatever case, or `0`.
    pub fn flag(&self, name: &str) -> bool {
        self.boolean(name).unwrap_or_default()
    }

    /// A flag that may be absent. There without a value, it is set.
    pub fn boolean(&self, name: &str) -> Option<bool> {
        self.get(name).map(|value| value != "0" && !value.eq_ignore_ascii_case("false"))
    }
}

/// Decodes `%41`; what is no valid escape stays as it is, and what is no UTF-8 is replaced.
pub fn decode(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    Cow::Owned(String::from_utf8_lossy(&decode_bytes(text)).into_owned())
}

/// Decodes `%41` into bytes, which need not be UTF-8.
pub fn decode_bytes(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let escaped = (bytes[at] == b'%')
            .then(|| text.get(at + 1..at + 3))
            .flatten()
            .filter(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit()))
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        out.push(escaped.unwrap_or(bytes[at]));
        at += if escaped.is_some() { 3 } else { 1 };
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_pairs() {
        let query = Query::parse("a=1&b=x%2Cy+z&a=2&watch&e=%zz&=");
        assert_eq!(query.get("a"), Some("1"));
        assert_eq!(query.all("a").collect::<Vec<_>>(), ["1", "2"]);
        assert_eq!(query.text("b"), "x,y z");
        assert_eq!(query.text("e"), "%zz");
        assert!(query.flag("watch") && query.flag("a") && !query.flag("missing"));
        for (text, value) in [("", None), ("w", Some(true)), ("w=", Some(true)), ("w=no", Some(true))] {
            assert_eq!(Query::parse(text).boolean("w"), value, "{text}");
        }
        for text in ["w=0", "w=false", "w=False", "w=FALSE", "w=0&w=1"] {
            assert_eq!(Query::parse(text).boolean("w"), Some(false), "{text}");
        }
    }
}
