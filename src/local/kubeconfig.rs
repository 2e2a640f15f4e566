//! The kubeconfig of a local run: one cluster, one user, one context, with the certificates in it, so that the file alone
//! is enough and can be copied. It carries our mark, and a file without that mark is never replaced: somebody's way into
//! their clusters is worth more than our convenience.

use std::path::Path;

use anyhow::{Context, Result};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use super::files;
use super::pki::{Pki, USER};
use crate::error::failure;

/// The name of the cluster entry's extension by which we know our own file. kubectl keeps extensions when it writes.
const MARK: &str = "apiserver-boot";
const NAME: &str = "local";

/// Refuses a file at `path` that we may not replace; no file at all is fine.
pub fn check(path: &Path) -> Result<()> {
    let Some(text) = read(path)? else { return Ok(()) };
    if is_ours(&text) {
        return Ok(());
    }
    Err(failure(format!("{} was not written by apiserver-boot, so it is left alone", path.display()))
        .hint("choose another file with `--config FILE`, or move this one away")
        .into())
}

/// Whose way in a kubeconfig is.
pub struct User<'a> {
    /// What the entry is called.
    pub name: &'a str,
    /// The certificate as PEM.
    pub certificate: &'a str,
    /// Its key as PEM.
    pub key: &'a str,
}

/// Where the server is that one of our own kubeconfigs names; `None` for a file that is missing or not ours.
pub fn server(path: &Path) -> Result<Option<String>> {
    let Some(text) = read(path)?.filter(|text| is_ours(text)) else { return Ok(None) };
    let Ok(config) = serde_yaml::from_str::<Value>(&text) else { return Ok(None) };
    Ok(config.pointer("/clusters/0/cluster/server").and_then(Value::as_str).map(str::to_owned))
}

/// A kubeconfig for a user of the server.
pub fn text_for(server: &str, pki: &Pki, user: &User<'_>) -> Result<String> {
    let config = render(server, &pki.ca_pem, user, None);
    serde_yaml::to_string(&config).context("cannot write the kubeconfig as YAML")
}

/// Writes [`text_for`] to `path`, which must not be somebody else's.
pub fn write_for(path: &Path, server: &str, pki: &Pki, user: &User<'_>) -> Result<()> {
    check(path)?;
    files::write_private(path, &text_for(server, pki, user)?)
}

/// Writes the kubeconfig of the server at `port` to `path`, keeping the namespace that the user chose in it.
pub fn write(path: &Path, port: u16, pki: &Pki) -> Result<()> {
    check(path)?;
    let old = read(path)?;
    let user = User { name: USER, certificate: &pki.client_cert_pem, key: &pki.client_key_pem };
    let server = format!("https://127.0.0.1:{port}");
    let config = render(&server, &pki.ca_pem, &user, old.as_deref().and_then(namespace).as_deref());
    let text = serde_yaml::to_string(&config).context("cannot write the kubeconfig as YAML")?;
    if old.as_deref() != Some(&text) {
        files::write_private(path, &text)?;
    }
    // An equal text may lie in a file that was opened to others.
    files::make_private(path)
}

fn read(path: &Path) -> Result<Option<String>> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

/// Whether every cluster in the file carries our mark; an empty file is nobody's.
fn is_ours(text: &str) -> bool {
    if text.trim().is_empty() {
        return true;
    }
    let Ok(config) = serde_yaml::from_str::<Value>(text) else { return false };
    let marked = |cluster: &Value| {
        let extensions = cluster.pointer("/cluster/extensions").and_then(Value::as_array);
        extensions.is_some_and(|extensions| extensions.iter().any(|extension| extension["name"] == MARK))
    };
    config["clusters"].as_array().is_some_and(|clusters| !clusters.is_empty() && clusters.iter().all(marked))
}

fn namespace(text: &str) -> Option<String> {
    let config = serde_yaml::from_str::<Value>(text).ok()?;
    Some(config.pointer("/contexts/0/context/namespace")?.as_str()?.to_owned())
}

fn render(server: &str, ca_pem: &str, user: &User<'_>, namespace: Option<&str>) -> Value {
    let encode = |pem: &str| BASE64_STANDARD.encode(pem);
    let mut context = json!({"cluster": NAME, "user": user.name});
    if let Some(namespace) = namespace {
        context["namespace"] = namespace.into();
    }
    json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": NAME, "cluster": {
            "server": server,
            "certificate-authority-data": encode(ca_pem),
            "extensions": [{"name": MARK, "extension": {"writtenBy": "apiserver-boot run local"}}],
        }}],
        "users": [{"name": user.name, "user": {
            "client-certificate-data": encode(user.certificate),
            "client-key-data": encode(user.key),
        }}],
        "contexts": [{"name": NAME, "context": context}],
        "current-context": NAME,
    })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    struct Fixture {
        dir: tempfile::TempDir,
        pki: Pki,
    }

    impl Fixture {
        fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            let pki = Pki::ensure(&dir.path().join("pki")).unwrap();
            Self { dir, pki }
        }

        fn path(&self) -> std::path::PathBuf {
            self.dir.path().join("kubeconfig")
        }

        fn write(&self, port: u16) -> String {
            write(&self.path(), port, &self.pki).unwrap();
            assert_eq!(fs::metadata(self.path()).unwrap().permissions().mode() & 0o777, 0o600);
            fs::read_to_string(self.path()).unwrap()
        }
    }

    #[test]
    fn a_kubeconfig_is_complete_and_private() {
        let fixture = Fixture::new();
        let text = fixture.write(9443);
        assert!(text.contains("server: https://127.0.0.1:9443"), "{text}");
        assert!(!text.contains("insecure"), "{text}");
        let config: Value = serde_yaml::from_str(&text).unwrap();
        let data = |pointer: &str| {
            let bytes = BASE64_STANDARD.decode(config.pointer(pointer).unwrap().as_str().unwrap()).unwrap();
            String::from_utf8(bytes).unwrap()
        };
        assert_eq!(data("/clusters/0/cluster/certificate-authority-data"), fixture.pki.ca_pem);
        assert_eq!(data("/users/0/user/client-certificate-data"), fixture.pki.client_cert_pem);
        assert_eq!(data("/users/0/user/client-key-data"), fixture.pki.client_key_pem);
    }

    #[test]
    fn our_own_file_is_replaced_and_its_namespace_kept() {
        let fixture = Fixture::new();
        let first = fixture.write(1);
        fs::set_permissions(fixture.path(), fs::Permissions::from_mode(0o644)).unwrap();
        assert_eq!(fixture.write(1), first, "and is private again");
        let edited = first.replace("user: local-admin", "user: local-admin\n    namespace: staging");
        assert_ne!(edited, first);
        fs::write(fixture.path(), edited).unwrap();
        let second = fixture.write(2);
        assert!(second.contains("namespace: staging") && second.contains("127.0.0.1:2"), "{second}");
    }

    #[test]
    fn another_user_reaches_the_same_server() {
        let fixture = Fixture::new();
        fixture.write(9443);
        let found = server(&fixture.path()).unwrap().expect("a server");
        assert_eq!(found, "https://127.0.0.1:9443");
        let (certificate, key) = fixture.pki.mint("alice", &["crew".to_owned()]).unwrap();
        let user = User { name: "alice", certificate: &certificate, key: &key };
        let path = fixture.dir.path().join("alice.kubeconfig");
        write_for(&path, &found, &fixture.pki, &user).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains("user: alice") && text.contains(&found), "{text}");
        assert_eq!(server(&fixture.dir.path().join("missing")).unwrap(), None);
        fs::write(&path, "apiVersion: v1\nclusters: []\n").unwrap();
        assert_eq!(server(&path).unwrap(), None);
        assert!(write_for(&path, &found, &fixture.pki, &user).is_err());
    }

    #[test]
    fn a_file_of_others_is_left_alone() {
        let fixture = Fixture::new();
        let merged =
            fixture.write(1).replace("contexts:", "- cluster: {server: 'https://other'}\n  name: other\ncontexts:");
        for text in ["apiVersion: v1\nkind: Config\nclusters: []\n", "not: [yaml", "a note", &merged] {
            fs::write(fixture.path(), text).unwrap();
            let error = write(&fixture.path(), 2, &fixture.pki).unwrap_err();
            assert!(error.to_string().contains("was not written by apiserver-boot"), "{error:#}");
            assert_eq!(fs::read_to_string(fixture.path()).unwrap(), text);
        }
        fs::write(fixture.path(), "").unwrap();
        fixture.write(3);
    }
}
