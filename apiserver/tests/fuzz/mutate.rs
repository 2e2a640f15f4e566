//! Small changes to texts and documents.

use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use serde_json::{Map, Value};

/// Beyond this an input is cut: long ones are slow and find no more than short ones.
const BYTES_MAX: usize = 1 << 16;
/// Deeper than anything may be that is read.
const DEPTHS: [usize; 4] = [20, 120, 140, 5000];

/// Changes a text somewhere: bytes, stretches, or a word put in.
pub fn text(random: &mut StdRng, text: &mut Vec<u8>, words: &[String]) {
    let at = random.random_range(0..=text.len());
    let until = random.random_range(at..=text.len().min(at + 20));
    match random.random_range(0..9) {
        0 => drop(text.drain(at..until)),
        1 => {
            let stretch = text[at..until].to_vec();
            let to = random.random_range(0..=text.len());
            text.splice(to..to, stretch);
        }
        2 => text.truncate(at),
        3 => {
            if let Some(byte) = text.get_mut(at) {
                *byte = random.random();
            }
        }
        4 => text.insert(at, *b"\0\n\r\t \"'\\%/=,;:&?{}[]()".choose(random).expect("bytes")),
        5 => {
            let character =
                *["é", "\u{202e}", "😀", "\u{0}", "\u{feff}", "ſ", "\u{10ffff}"].choose(random).expect("texts");
            text.splice(at..at, character.bytes());
        }
        6 => {
            let number =
                ["0", "-1", "18446744073709551616", "9223372036854775807", "1e999", "0.1", "00"].choose(random);
            text.splice(at..until, number.expect("numbers").bytes());
        }
        7 if random.random_ratio(1, 20) => {
            let stretch = text[at..until].repeat(*DEPTHS.choose(random).expect("depths"));
            text.splice(at..at, stretch);
        }
        _ => {
            if let Some(word) = words.choose(random) {
                text.splice(at..until, word.bytes());
            }
        }
    }
    text.truncate(BYTES_MAX);
}

/// Changes one value of a document: to another, to none, to a copy of its neighbour, or its name.
pub fn value(random: &mut StdRng, document: &mut Value, values: &[Value]) {
    let mut left = random.random_range(0..count(document));
    change(random, document, values, &mut left);
}

/// The text with everything percent-encoded that may not stand in a path or a query.
pub fn encoded(text: &[u8]) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~/%*:@!$'()".contains(byte);
    text.iter().map(|byte| if plain(byte) { char::from(*byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(count).sum(),
        Value::Object(fields) => fields.values().map(count).sum(),
        _ => 0,
    }
}

/// Goes to the value with the number `left`, counted from the top.
fn change(random: &mut StdRng, value: &mut Value, values: &[Value], left: &mut usize) {
    if *left == 0 {
        here(random, value, values);
        *left = usize::MAX;
        return;
    }
    *left -= 1;
    let below: Vec<&mut Value> = match value {
        Value::Array(items) => items.iter_mut().collect(),
        Value::Object(fields) => fields.values_mut().collect(),
        _ => Vec::new(),
    };
    for value in below {
        if *left == usize::MAX {
            return;
        }
        change(random, value, values, left);
    }
}

fn here(random: &mut StdRng, value: &mut Value, values: &[Value]) {
    let other = values.choose(random).cloned().unwrap_or_default();
    match (random.random_range(0..8), &mut *value) {
        (0, Value::Object(fields)) => {
            let key = fields.keys().nth(random.random_range(0..=fields.len())).cloned();
            key.and_then(|key| fields.remove(&key));
        }
        (1, Value::Object(fields)) => {
            let key = *[
                "",
                "metadata",
                "spec",
                "status",
                "a",
                "f:a",
                ".",
                "k:{\"name\":\"a\"}",
                "managedFields",
                "name",
                "default",
            ]
            .choose(random)
            .expect("keys");
            fields.insert(key.to_owned(), other);
        }
        (2, Value::Object(fields)) => {
            let keys: Vec<String> = fields.keys().cloned().collect();
            if let (Some(from), Some(to)) = (keys.choose(random), keys.choose(random))
                && let Some(value) = fields.remove(from)
            {
                fields.insert(to.clone(), value);
            }
        }
        (0, Value::Array(items)) => drop(items.pop()),
        (1, Value::Array(items)) => items.push(other),
        (2, Value::Array(items)) => {
            if let Some(item) = items.choose(random).cloned() {
                items.insert(random.random_range(0..=items.len()), item);
            }
        }
        (0..3, Value::String(string)) => {
            let mut bytes = string.clone().into_bytes();
            text(random, &mut bytes, &[]);
            *string = String::from_utf8_lossy(&bytes).into_owned();
        }
        (3, whole) if random.random_ratio(1, 10) => {
            // Deep, but not deeper than what is written here can be taken down again.
            let inner = whole.take();
            *whole = (0..*DEPTHS[..3].choose(random).expect("depths")).fold(inner, |inner, _| {
                if random.random() {
                    Value::Array(vec![inner])
                } else {
                    Value::Object(Map::from_iter([("a".into(), inner)]))
                }
            });
        }
        (3, Value::Number(number)) => {
            *value =
                number.as_i64().map_or(Value::Null, |number| number.wrapping_add(random.random_range(-2..3)).into());
        }
        (4, whole) => *whole = Value::Null,
        (5, whole) => *whole = Value::Array(vec![whole.take()]),
        (_, whole) => *whole = other,
    }
}
