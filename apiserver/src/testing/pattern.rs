//! Texts that match a regular expression, for those that people write in schemas.

use std::iter::Peekable;
use std::str::Chars;

use rand::Rng;
use rand::rngs::StdRng;
use regex::Regex;

/// Something is repeated at most so often where the expression sets no end.
const REPEAT_MORE: u32 = 4;
/// Groups within groups.
const DEPTH_MAX: usize = 32;
/// The longest that is made.
const LENGTH_MAX: usize = 4_096;

/// A text that matches; `None` where the expression has what is not known here.
pub(super) fn matching(pattern: &str, rng: &mut StdRng) -> Option<String> {
    let mut parser = Parser { rest: pattern.chars().peekable(), depth: 0 };
    let parsed = parser.alternatives()?;
    if parser.rest.next().is_some() {
        return None;
    }
    let mut text = String::new();
    parsed.write(rng, &mut text);
    Regex::new(pattern).ok()?.is_match(&text).then_some(text)
}

enum Part {
    OneOf(Vec<Part>),
    All(Vec<Part>),
    Repeat(Box<Part>, u32, u32),
    Class(Vec<(char, char)>),
}

impl Part {
    fn write(&self, rng: &mut StdRng, out: &mut String) {
        if out.len() > LENGTH_MAX {
            return;
        }
        match self {
            Self::OneOf(parts) => parts[rng.random_range(0..parts.len())].write(rng, out),
            Self::All(parts) => parts.iter().for_each(|part| part.write(rng, out)),
            Self::Repeat(part, min, max) => (0..rng.random_range(*min..=*max)).for_each(|_| part.write(rng, out)),
            Self::Class(ranges) => {
                let (low, high) = ranges[rng.random_range(0..ranges.len())];
                out.push(rng.random_range(low..=high));
            }
        }
    }
}

struct Parser<'a> {
    rest: Peekable<Chars<'a>>,
    depth: usize,
}

impl Parser<'_> {
    fn alternatives(&mut self) -> Option<Part> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return None;
        }
        let mut all = vec![self.sequence()?];
        while self.rest.next_if_eq(&'|').is_some() {
            all.push(self.sequence()?);
        }
        self.depth -= 1;
        Some(Part::OneOf(all))
    }

    fn sequence(&mut self) -> Option<Part> {
        let mut parts = Vec::new();
        while let Some(next) = self.rest.next_if(|next| !matches!(next, '|' | ')')) {
            let part = match next {
                '^' | '$' => continue,
                '(' => {
                    if self.rest.next_if_eq(&'?').is_some() {
                        self.rest.next_if_eq(&':')?;
                    }
                    let group = self.alternatives()?;
                    self.rest.next_if_eq(&')')?;
                    group
                }
                '[' => self.class()?,
                '.' => Part::Class(vec![('a', 'z'), ('0', '9')]),
                '\\' => Part::Class(self.escaped()?),
                '*' | '+' | '?' | '{' => return None,
                literal => Part::Class(vec![(literal, literal)]),
            };
            parts.push(self.repeated(part)?);
        }
        Some(Part::All(parts))
    }

    fn repeated(&mut self, part: Part) -> Option<Part> {
        let (min, max) = match self.rest.peek() {
            Some('*') => (0, REPEAT_MORE),
            Some('+') => (1, 1 + REPEAT_MORE),
            Some('?') => (0, 1),
            Some('{') => {
                self.rest.next();
                let min = self.number().unwrap_or_default();
                let max = match self.rest.next()? {
                    '}' => return Some(Part::Repeat(Box::new(part), min, min)),
                    ',' => self.number().unwrap_or(min.saturating_add(REPEAT_MORE)),
                    _ => return None,
                };
                if *self.rest.peek()? != '}' || max < min {
                    return None;
                }
                (min, max)
            }
            _ => return Some(part),
        };
        self.rest.next();
        self.rest.next_if_eq(&'?');
        Some(Part::Repeat(Box::new(part), min, max))
    }

    fn number(&mut self) -> Option<u32> {
        let mut digits = String::new();
        while let Some(digit) = self.rest.next_if(char::is_ascii_digit) {
            digits.push(digit);
        }
        digits.parse().ok()
    }

    fn class(&mut self) -> Option<Part> {
        let negated = self.rest.next_if_eq(&'^').is_some();
        let mut ranges = Vec::new();
        loop {
            let low = match self.rest.next()? {
                ']' if !ranges.is_empty() => break,
                '[' => return None,
                '\\' => {
                    let escaped = self.escaped()?;
                    if !matches!(escaped.as_slice(), [(low, high)] if low == high) {
                        ranges.extend(escaped);
                        continue;
                    }
                    escaped[0].0
                }
                literal => literal,
            };
            let mut ahead = self.rest.clone();
            ahead.next();
            if self.rest.peek() == Some(&'-') && ahead.peek().is_some_and(|next| *next != ']') {
                self.rest.next();
                let high = match self.rest.next()? {
                    '\\' => self.escaped()?.first()?.0,
                    literal => literal,
                };
                ranges.push((low, high));
            } else {
                ranges.push((low, low));
            }
        }
        if negated {
            let has = |letter: &char| ranges.iter().any(|(low, high)| (low..=high).contains(&letter));
            let others: Vec<_> = (' '..='~').filter(|letter| !has(letter)).map(|letter| (letter, letter)).collect();
            return (!others.is_empty()).then_some(Part::Class(others));
        }
        ranges.iter().all(|(low, high)| low <= high).then_some(Part::Class(ranges))
    }

    fn escaped(&mut self) -> Option<Vec<(char, char)>> {
        Some(match self.rest.next()? {
            'd' => vec![('0', '9')],
            'w' => vec![('a', 'z'), ('A', 'Z'), ('0', '9'), ('_', '_')],
            's' => vec![(' ', ' ')],
            letter if letter.is_alphanumeric() => return None,
            literal => vec![(literal, literal)],
        })
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    #[test]
    fn what_is_made_matches() {
        for pattern in [
            "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$",
            "^(red|gr[ae]en|blue)$",
            r"^v\d+(\.\d{1,3}){2}$",
            r"^[^/\s]{3,}$",
            "a+b*c?.",
            r"^(?:[01]?\d|2[0-3]):[0-5]\d$",
            "^$",
            "^[]a-]+$",
        ] {
            let made: Vec<_> = (0..50).filter_map(|seed| matching(pattern, &mut StdRng::seed_from_u64(seed))).collect();
            assert!(!made.is_empty(), "{pattern}");
        }
    }

    #[test]
    fn what_is_not_known_is_not_made() {
        for pattern in [r"\bword\b", "(?i)word", "a{", "(", "[[:alpha:]]", "*", &"(".repeat(100_000)] {
            assert_eq!(matching(pattern, &mut StdRng::seed_from_u64(0)), None, "{pattern}");
        }
    }
}
