//! Where in a document we are, while walking it. A path lives on the stack, each step pointing at the one before, and is
//! written out only when there is something to say about it: most walks find nothing.

use std::fmt::{self, Display};

/// A place in a document. Displayed as `spec.items[0].x`; the root is empty.
#[derive(Clone, Copy)]
pub(crate) struct Path<'a> {
    parent: Option<&'a Path<'a>>,
    step: Step<'a>,
}

#[derive(Clone, Copy)]
enum Step<'a> {
    Root,
    Child(&'a str),
    Key(&'a str),
    Index(usize),
}

impl<'a> Path<'a> {
    /// The document itself.
    pub(crate) const ROOT: Path<'static> = Path { parent: None, step: Step::Root };

    /// A field of the object here.
    pub(crate) fn child(&'a self, name: &'a str) -> Self {
        Self { parent: Some(self), step: Step::Child(name) }
    }

    /// An entry of the map here, whose keys are the user's.
    pub(crate) fn key(&'a self, key: &'a str) -> Self {
        Self { parent: Some(self), step: Step::Key(key) }
    }

    /// An item of the list here.
    pub(crate) fn index(&'a self, index: usize) -> Self {
        Self { parent: Some(self), step: Step::Index(index) }
    }

    /// As `field.Path` in Kubernetes writes it: keys of maps in brackets, `spec.tags[x]`.
    pub(crate) fn bracketed(&self) -> String {
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = self.write(&mut text, Style::Bracketed);
        text
    }

    /// As kube-openapi writes it: keys of maps behind a dot, and that dot even at the start.
    pub(crate) fn dotted(&self) -> String {
        let mut text = String::new();
        let _ = self.write(&mut text, Style::Dotted);
        text
    }

    /// Returns whether anything was written.
    fn write(&self, out: &mut impl fmt::Write, style: Style) -> Result<bool, fmt::Error> {
        let begun = match self.parent {
            Some(parent) => parent.write(out, style)?,
            None => false,
        };
        match self.step {
            Step::Root => return Ok(begun),
            Step::Key(key) if style == Style::Bracketed => write!(out, "[{key}]")?,
            Step::Key(key) if style == Style::Dotted => write!(out, ".{key}")?,
            Step::Child(name) | Step::Key(name) => {
                if begun {
                    out.write_char('.')?;
                }
                out.write_str(name)?;
            }
            Step::Index(index) => write!(out, "[{index}]")?,
        }
        Ok(true)
    }
}

impl Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, Style::Plain).map(|_| ())
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Style {
    Plain,
    Bracketed,
    Dotted,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_written_in_three_styles() {
        let root = Path::ROOT;
        let tags = root.child("tags");
        let key = tags.key("a.b");
        let item = key.index(3);
        let leaf = item.child("x");
        assert_eq!(leaf.to_string(), "tags.a.b[3].x");
        assert_eq!(leaf.bracketed(), "tags[a.b][3].x");
        assert_eq!(root.key("k").dotted(), ".k");
        assert_eq!(root.to_string(), "");
    }
}
