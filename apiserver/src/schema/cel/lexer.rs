//! From text to tokens.

use super::error::CompileError;

/// A word of an expression.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    /// Operators and brackets, for example `<=`.
    Mark(&'static str),
    Ident(String),
    /// Without sign: the digits and whether they are hexadecimal.
    Int(String, bool),
    Uint(u64),
    Double(f64),
    Text(String),
    Bytes(Vec<u8>),
    End,
}

/// A token and where it starts, in bytes.
pub(super) type Spanned = (usize, Token);

/// Longer marks come first.
const MARKS: [&str; 24] = [
    "==", "!=", "<=", ">=", "&&", "||", "<", ">", "[", "]", "{", "}", "(", ")", ".", ",", "-", "!", "?", ":", "+", "*",
    "/", "%",
];

/// Splits an expression; the last token is [`Token::End`].
pub(super) fn tokens(source: &str) -> Result<Vec<Spanned>, CompileError> {
    let mut lexer = Lexer { source, at: 0 };
    let mut tokens = Vec::new();
    loop {
        lexer.skip();
        let at = lexer.at;
        let token = lexer.token()?;
        let ended = token == Token::End;
        tokens.push((at, token));
        if ended {
            return Ok(tokens);
        }
    }
}

struct Lexer<'a> {
    source: &'a str,
    at: usize,
}

impl<'a> Lexer<'a> {
    fn rest(&self) -> &'a str {
        &self.source[self.at..]
    }

    fn error(&self, at: usize, problem: impl AsRef<str>) -> CompileError {
        CompileError::new(self.source, at, format!("Syntax error: {}", problem.as_ref()))
    }

    /// White space and comments.
    fn skip(&mut self) {
        loop {
            let rest = self.rest();
            let trimmed = rest.trim_start_matches([' ', '\t', '\r', '\n', '\u{c}']);
            self.at += rest.len() - trimmed.len();
            if !trimmed.starts_with("//") {
                return;
            }
            self.at += trimmed.find('\n').unwrap_or(trimmed.len());
        }
    }

    fn token(&mut self) -> Result<Token, CompileError> {
        let rest = self.rest();
        let mut chars = rest.chars();
        let (Some(first), second) = (chars.next(), chars.next()) else { return Ok(Token::End) };
        if first.is_ascii_digit() || first == '.' && second.is_some_and(|c| c.is_ascii_digit()) {
            return self.number();
        }
        if let Some(text) = self.quoted()? {
            return Ok(text);
        }
        if first.is_ascii_alphabetic() || first == '_' {
            let name = &rest[..span(rest, |c| c.is_ascii_alphanumeric() || c == '_')];
            self.at += name.len();
            return Ok(Token::Ident(name.to_owned()));
        }
        match MARKS.iter().find(|mark| rest.starts_with(**mark)) {
            Some(mark) => {
                self.at += mark.len();
                Ok(Token::Mark(mark))
            }
            None => Err(self.error(self.at, format!("token recognition error at: '{first}'"))),
        }
    }

    fn number(&mut self) -> Result<Token, CompileError> {
        let (start, rest) = (self.at, self.rest());
        if let Some(hex) = rest.strip_prefix("0x") {
            let digits = &hex[..span(hex, |c| c.is_ascii_hexdigit())];
            if !digits.is_empty() {
                self.at += 2 + digits.len();
                return self.whole(start, digits, true);
            }
        }
        let whole = span(rest, |c| c.is_ascii_digit());
        let mut end = whole;
        let fraction = rest[end..].strip_prefix('.').map_or(0, |rest| span(rest, |c| c.is_ascii_digit()));
        if fraction > 0 {
            end += 1 + fraction;
        }
        if let Some(exponent) = rest[end..].strip_prefix(['e', 'E']) {
            let sign = usize::from(exponent.starts_with(['+', '-']));
            let digits = span(&exponent[sign..], |c| c.is_ascii_digit());
            if digits > 0 {
                end += 1 + sign + digits;
            }
        }
        self.at += end;
        if end == whole {
            return self.whole(start, &rest[..whole], false);
        }
        let number = rest[..end].parse::<f64>().ok().filter(|number| number.is_finite());
        number.map(Token::Double).ok_or_else(|| self.error(start, "invalid double literal"))
    }

    /// A whole number whose digits have been read, perhaps with a `u` behind it.
    fn whole(&mut self, start: usize, digits: &str, hex: bool) -> Result<Token, CompileError> {
        if !self.rest().starts_with(['u', 'U']) {
            return Ok(Token::Int(digits.to_owned(), hex));
        }
        self.at += 1;
        let number = u64::from_str_radix(digits, if hex { 16 } else { 10 });
        number.map(Token::Uint).map_err(|_| self.error(start, "invalid uint literal"))
    }

    /// A text or bytes, where there is one: prefixes `r` and `b`, one or three quotes.
    fn quoted(&mut self) -> Result<Option<Token>, CompileError> {
        let (start, rest) = (self.at, self.rest());
        let prefix = span(rest, |c| matches!(c, 'r' | 'R' | 'b' | 'B'));
        let (bytes, raw) = match rest[..prefix].to_ascii_lowercase().as_str() {
            "" => (false, false),
            "r" => (false, true),
            "b" => (true, false),
            "br" => (true, true),
            _ => return Ok(None),
        };
        let rest = &rest[prefix..];
        let Some(quote) = ["\"\"\"", "'''", "\"", "'"].into_iter().find(|quote| rest.starts_with(quote)) else {
            return Ok(None);
        };
        self.at += prefix + quote.len();
        let mut out = Vec::new();
        loop {
            let rest = self.rest();
            if rest.starts_with(quote) {
                self.at += quote.len();
                break;
            }
            match rest.chars().next() {
                None => return Err(self.error(start, "a string is not closed")),
                Some('\n' | '\r') if quote.len() == 1 => return Err(self.error(start, "a string is not closed")),
                Some('\\') if !raw => self.escape(bytes, &mut out)?,
                Some(c) => {
                    out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                    self.at += c.len_utf8();
                }
            }
        }
        if bytes {
            return Ok(Some(Token::Bytes(out)));
        }
        let text = String::from_utf8(out).map_err(|_| self.error(start, "invalid string literal"))?;
        Ok(Some(Token::Text(text)))
    }

    fn escape(&mut self, bytes: bool, out: &mut Vec<u8>) -> Result<(), CompileError> {
        let (start, rest) = (self.at, &self.rest()[1..]);
        let unknown = || self.error(start, "unable to unescape string");
        let c = rest.chars().next().ok_or_else(unknown)?;
        let (digits, radix) = match c {
            'x' | 'X' => (2, 16),
            'u' => (4, 16),
            'U' => (8, 16),
            '0'..='3' => (3, 8),
            _ => {
                out.push(match c {
                    'a' => 7,
                    'b' => 8,
                    'f' => 12,
                    'n' => b'\n',
                    'r' => b'\r',
                    't' => b'\t',
                    'v' => 11,
                    '\\' | '"' | '\'' | '`' | '?' => c as u8,
                    _ => return Err(unknown()),
                });
                self.at += 2;
                return Ok(());
            }
        };
        let skip = usize::from(radix == 16);
        let code = rest.get(skip..skip + digits).filter(|code| code.bytes().all(|b| b.is_ascii_hexdigit()));
        let code = code.and_then(|code| u32::from_str_radix(code, radix).ok()).ok_or_else(unknown)?;
        // In bytes, \x and octal escapes are one byte each; elsewhere, all of them are characters.
        match u8::try_from(code) {
            Ok(byte) if bytes && !matches!(c, 'u' | 'U') => out.push(byte),
            _ if bytes && matches!(c, 'u' | 'U') => return Err(unknown()),
            _ => {
                let c = char::from_u32(code).ok_or_else(unknown)?;
                out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            }
        }
        self.at += 1 + skip + digits;
        Ok(())
    }
}

/// How many bytes at the start are characters of this kind.
fn span(text: &str, is: impl Fn(char) -> bool) -> usize {
    text.find(|c| !is(c)).unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(source: &str, expect: &[Token]) {
        let mut found: Vec<_> = tokens(source).expect("tokens").into_iter().map(|(_, token)| token).collect();
        assert_eq!(found.pop(), Some(Token::End));
        assert_eq!(found, expect, "{source}");
    }

    #[track_caller]
    fn refuses(source: &str, expect: &str) {
        assert_eq!(tokens(source).expect_err("no tokens").problem, format!("Syntax error: {expect}"));
    }

    fn text(text: &str) -> Token {
        Token::Text(text.into())
    }

    #[test]
    fn numbers_and_marks() {
        use Token::{Double, Ident, Int, Mark, Uint};
        check("1 + 0x1F", &[Int("1".into(), false), Mark("+"), Int("1F".into(), true)]);
        check("7u 0xfU", &[Uint(7), Uint(15)]);
        check("1.5 .5 1e3 2.5E-1", &[Double(1.5), Double(0.5), Double(1000.0), Double(0.25)]);
        check("a.b // more\n<=c", &[Ident("a".into()), Mark("."), Ident("b".into()), Mark("<="), Ident("c".into())]);
        check("1.size", &[Int("1".into(), false), Mark("."), Ident("size".into())]);
        check("", &[]);
        refuses("99999999999999999999u", "invalid uint literal");
        refuses("1e999", "invalid double literal");
        refuses("a ~ b", "token recognition error at: '~'");
    }

    #[test]
    fn texts_and_bytes() {
        check(r#"'it' "is" '' "#, &[text("it"), text("is"), text("")]);
        check(r#"'\n\t\\\'\"\x41\u00e9\U0001F426\101'"#, &[text("\n\t\\'\"A\u{e9}\u{1f426}A")]);
        check(r"r'\d+' R'\'", &[text(r"\d+"), text(r"\")]);
        check("'''a\n'b'''", &[text("a\n'b")]);
        check(r"b'\xff\x00é'", &[Token::Bytes(vec![0xff, 0, 0xc3, 0xa9])]);
        check("break", &[Token::Ident("break".into())]);
        refuses("'a", "a string is not closed");
        refuses("'a\n'", "a string is not closed");
        refuses(r"'\q'", "unable to unescape string");
        refuses(r"'\ud800'", "unable to unescape string");
    }
}
