//! Names that the server makes up.

use rand::Rng;

/// The longest that a generated name may be, suffix included. Source:
/// <https://github.com/kubernetes/apiserver/blob/master/pkg/storage/names/generate.go>
const NAME_MAX: usize = 63;
const SUFFIX: usize = 5;
/// No vowels and no digits that look like letters, so that no words appear.
const ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

/// A name from `generateName`: at most 58 bytes of it and five random letters.
pub fn generate(base: &str) -> String {
    let mut cut = base.len().min(NAME_MAX - SUFFIX);
    while !base.is_char_boundary(cut) {
        cut -= 1;
    }
    let mut rng = rand::rng();
    let mut name = String::with_capacity(cut + SUFFIX);
    name.push_str(&base[..cut]);
    name.extend((0..SUFFIX).map(|_| char::from(ALPHABET[rng.random_range(0..ALPHABET.len())])));
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_its_base_and_five_letters() {
        let name = generate("robin-");
        assert!(name.starts_with("robin-") && name.len() == 11, "{name}");
        assert_eq!(generate(&"x".repeat(80)).len(), 63);
        assert_eq!(generate(&"é".repeat(40)).chars().filter(|c| *c == 'é').count(), 29);
    }
}
