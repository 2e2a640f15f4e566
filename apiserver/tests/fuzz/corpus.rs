//! What the mutations start from.

use std::path::Path;

use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::{IndexedMutRandom, IndexedRandom};
use serde_json::Value;

use super::fuzz::SEPARATOR;
use super::mutate;

/// The inputs of a target.
pub struct Corpus {
    pub inputs: Vec<Vec<u8>>,
    mutate: fn(&Corpus, &mut StdRng) -> Vec<u8>,
    /// Words that mean something to the target.
    words: Vec<String>,
    /// Values to put in the place of others.
    values: Vec<Value>,
    conversations: Vec<Vec<Request>>,
}

/// A request of a recording.
#[derive(Clone)]
struct Request {
    method: String,
    path: String,
    query: Vec<(String, String)>,
    headers: Vec<(String, String)>,
    body: Result<Value, String>,
}

impl Corpus {
    /// A new input made of the known ones.
    pub fn mutated(&self, random: &mut StdRng) -> Vec<u8> {
        (self.mutate)(self, random)
    }

    fn texts(lines: &[&str], words: &[&str]) -> Self {
        let inputs = lines.iter().map(|line| line.as_bytes().to_vec()).collect();
        let words = words.iter().chain(lines).map(|word| (*word).to_owned()).collect();
        Self { inputs, mutate: Self::text, words, values: Vec::new(), conversations: Vec::new() }
    }

    fn text(&self, random: &mut StdRng) -> Vec<u8> {
        let mut text = self.pick(random);
        for _ in 0..random.random_range(1..4) {
            mutate::text(random, &mut text, &self.words);
        }
        text
    }

    /// For targets that take documents, one on each line.
    fn documents(inputs: Vec<Vec<Value>>, values: Vec<Value>) -> Self {
        let lines = |documents: &Vec<Value>| documents.iter().map(Value::to_string).collect::<Vec<_>>().join("\n");
        let inputs = inputs.iter().map(|documents| lines(documents).into_bytes()).collect();
        Self { inputs, mutate: Self::document, words: Vec::new(), values, conversations: Vec::new() }
    }

    fn document(&self, random: &mut StdRng) -> Vec<u8> {
        let input = String::from_utf8(self.pick(random)).expect("text");
        let mut lines: Vec<String> = input.lines().map(str::to_owned).collect();
        let other = String::from_utf8(self.pick(random)).expect("text");
        if random.random_ratio(1, 4)
            && let (Some(line), Some(other)) = (lines.last_mut(), other.lines().last())
        {
            *line = other.to_owned();
        }
        for line in &mut lines {
            let Ok(mut value) = serde_json::from_str::<Value>(line) else { continue };
            for _ in 0..random.random_range(0..3) {
                mutate::value(random, &mut value, &self.values);
            }
            *line = value.to_string();
        }
        let mut text = lines.join("\n").into_bytes();
        if random.random_ratio(1, 10) {
            mutate::text(random, &mut text, &self.words);
        }
        text
    }

    /// A rule or a path on the first line, which is mutated as text, and a document on the second.
    fn text_and_document(&self, random: &mut StdRng) -> Vec<u8> {
        let input = String::from_utf8(self.pick(random)).expect("text");
        let (first, second) = input.split_once('\n').unwrap_or((&input, "{}"));
        let mut first = first.as_bytes().to_vec();
        for _ in 0..random.random_range(0..4) {
            mutate::text(random, &mut first, &self.words);
        }
        first.retain(|byte| *byte != b'\n');
        let mut value: Value = serde_json::from_str(second).unwrap_or_default();
        for _ in 0..random.random_range(0..3) {
            mutate::value(random, &mut value, &self.values);
        }
        first.push(b'\n');
        first.extend(value.to_string().into_bytes());
        first
    }

    /// A conversation in which some requests differ from what was said, and some are others'.
    fn requests(&self, random: &mut StdRng) -> Vec<u8> {
        let mut conversation: Vec<Request> = self.conversation(random).iter().take(8).cloned().collect();
        if random.random_ratio(1, 2) {
            let other = self.conversation(random);
            let from = random.random_range(0..other.len());
            conversation.extend(other[from..].iter().take(4).cloned());
        }
        // Most are about one object, so that they have to do with each other.
        let same = random.random_bool(0.7);
        let texts = conversation.iter_mut().map(|request| {
            if same {
                request.rename();
            }
            if random.random_bool(0.6) {
                for _ in 0..random.random_range(1..3) {
                    self.mutate_request(random, request);
                }
            }
            request.text(random)
        });
        let texts: Vec<Vec<u8>> = texts.collect();
        let mut input = texts.join(&SEPARATOR);
        if random.random_ratio(1, 10) {
            mutate::text(random, &mut input, &self.words);
        }
        input
    }

    fn mutate_request(&self, random: &mut StdRng, request: &mut Request) {
        let other = self.conversation(random).choose(random).expect("requests").clone();
        match random.random_range(0..20) {
            0 => request.method = other.method,
            1 => request.path = other.path,
            2 => {
                let mut path = request.path.clone().into_bytes();
                mutate::text(random, &mut path, &self.words);
                request.path = mutate::encoded(&path);
            }
            3 => request.query.extend(other.query),
            4 | 5 => {
                let (name, value) = *QUERY.choose(random).expect("options");
                request.query.push((name.to_owned(), value.to_owned()));
            }
            6 => {
                if let Some((name, value)) = request.query.choose_mut(random) {
                    let text = if random.random_ratio(1, 4) { name } else { value };
                    let mut bytes = text.clone().into_bytes();
                    mutate::text(random, &mut bytes, &self.words);
                    *text = String::from_utf8_lossy(&bytes).into_owned();
                }
            }
            7 => request.headers = other.headers,
            8 => {
                let (name, value) = *HEADERS.choose(random).expect("headers");
                request.headers.retain(|(old, _)| old != name);
                request.headers.push((name.to_owned(), value.to_owned()));
            }
            9 => request.body = other.body,
            _ => match &mut request.body {
                Ok(body) => mutate::value(random, body, &self.values),
                Err(raw) => {
                    let mut bytes = raw.clone().into_bytes();
                    mutate::text(random, &mut bytes, &self.words);
                    *raw = String::from_utf8_lossy(&bytes).into_owned();
                }
            },
        }
    }

    fn conversation(&self, random: &mut StdRng) -> &Vec<Request> {
        self.conversations.choose(random).expect("conversations")
    }

    fn pick(&self, random: &mut StdRng) -> Vec<u8> {
        self.inputs.choose(random).expect("inputs").clone()
    }
}

/// What a target starts from.
pub fn of(target: &str) -> Corpus {
    match target {
        "path" => Corpus::texts(PATHS, &["/", "//", "..", "%2F", "%", "namespaces", "status", "watch", "proxy", "\n"]),
        "query" => Corpus::texts(QUERIES, &["&", "=", "%", "%00", "%ff", "+", ";", "&&"]),
        "selectors" => {
            Corpus::texts(SELECTORS, &[" in ", " notin ", "(", ")", ",", "!", "=", "==", "!=", ">", "<", "\\"])
        }
        "media" => Corpus::texts(MEDIA, &[";", ",", "q=", "=", "/", "*/*", "as=Table", "\"", " "]),
        "json_path" => {
            let object = serde_json::json!({
                "metadata": { "name": "a", "annotations": { "example.com/x": "1" } },
                "status": { "conditions": [{ "type": "Ready", "status": "True" }, { "type": "b", "n": [1, 2, 3] }] },
            });
            let mut corpus =
                Corpus::texts(JSON_PATHS, &["[?(@.", "[*]", "..", "[-1]", "[0:2]", "\\.", "['", "']", "$", "@"]);
            corpus.inputs.iter_mut().for_each(|path| path.extend(format!("\n{object}").into_bytes()));
            Corpus { mutate: Corpus::text_and_document, values: values(), ..corpus }
        }
        "rules" => {
            let object = serde_json::json!({
                "text": "abc", "count": 3, "share": 0.5, "flag": true, "when": "2026-01-02T03:04:05Z", "long": "1h3m",
                "raw": "YWJj", "either": "10%", "set": ["a", "b"], "list": [1, 2, 3], "map": { "a": "b", "c d": "e" },
                "items": [{ "name": "x", "value": 1 }, { "name": "y" }], "any": { "x": [1, null, "two"] },
            });
            let mut corpus = Corpus::texts(RULES, RULE_WORDS);
            corpus.inputs.iter_mut().for_each(|rule| rule.extend(format!("\n{object}").into_bytes()));
            Corpus { mutate: Corpus::text_and_document, values: values(), ..corpus }
        }
        "json_patch" => {
            let document: Value = serde_json::from_str(DOCUMENT).expect("JSON");
            let inputs =
                JSON_PATCHES.iter().map(|patch| vec![document.clone(), serde_json::from_str(patch).expect("JSON")]);
            Corpus::documents(inputs.collect(), values())
        }
        "merge_patch" => {
            let document: Value = serde_json::from_str(DOCUMENT).expect("JSON");
            let inputs =
                MERGE_PATCHES.iter().map(|patch| vec![document.clone(), serde_json::from_str(patch).expect("JSON")]);
            Corpus::documents(inputs.collect(), values())
        }
        "body" => {
            let mut corpus = Corpus::texts(
                BODIES,
                &["&a", "*a", "<<: *a", "- ", "  ", "\n---\n", "!!binary", "|", ">", "{", "[", "\u{feff}"],
            );
            let bodies = bodies();
            corpus.inputs.extend(bodies.iter().map(|body| body.to_string().into_bytes()));
            corpus
                .inputs
                .extend(bodies.iter().filter_map(|body| Some(serde_saphyr::to_string(body).ok()?.into_bytes())));
            corpus
        }
        "schema" => {
            let objects: Vec<Value> = bodies().into_iter().filter(|body| body["spec"].is_object()).collect();
            let mut schemas = Vec::new();
            for crd in recorded_yaml(&recordings().join("crds.yaml")) {
                let versions = crd["spec"]["versions"].as_array().cloned().unwrap_or_default();
                schemas.extend(versions.into_iter().map(|version| version["schema"]["openAPIV3Schema"].clone()));
            }
            let pairs = objects.windows(2).map(|pair| Value::from(pair.to_vec()));
            let inputs = pairs.enumerate().map(|(index, pair)| vec![schemas[index % schemas.len()].clone(), pair]);
            let mut more = values();
            more.extend(SCHEMAS.iter().map(|text| serde_json::from_str(text).expect("JSON")));
            Corpus::documents(inputs.collect(), more)
        }
        _ => requests(),
    }
}

fn requests() -> Corpus {
    let conversations = conversations();
    let mut values = values();
    values.extend(bodies());
    let words = ["namespaces", "birds", "nests", "status", "scale", "v1alpha1", "%2F", "..", "%00", "%F0", "?", "/"];
    let first = |conversation: &Vec<Request>| {
        let texts: Vec<Vec<u8>> = conversation.iter().map(|request| request.plain()).collect();
        texts.join(&SEPARATOR)
    };
    Corpus {
        // All of them as they are take longer than a short run has; some will do.
        inputs: conversations.iter().take(3).map(first).collect(),
        mutate: Corpus::requests,
        words: words.map(str::to_owned).to_vec(),
        values,
        conversations,
    }
}

fn recordings() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/recordings")
}

fn recorded_yaml(file: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(file).expect("a recording");
    serde_saphyr::from_multiple(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

fn conversations() -> Vec<Vec<Request>> {
    let mut files: Vec<_> =
        std::fs::read_dir(recordings().join("demo")).expect("recordings").flatten().map(|entry| entry.path()).collect();
    files.sort();
    let recorded = files.iter().flat_map(|file| recorded_yaml(file));
    let conversations = recorded.map(|recording| {
        let steps = recording["steps"].as_array().cloned().unwrap_or_default();
        steps.iter().filter_map(|step| Request::recorded(&step["request"])).collect()
    });
    conversations.filter(|conversation: &Vec<Request>| !conversation.is_empty()).collect()
}

/// Every body of the recordings.
fn bodies() -> Vec<Value> {
    conversations()
        .into_iter()
        .flatten()
        .filter_map(|request| request.body.ok())
        .filter(|body| !body.is_null())
        .collect()
}

impl Request {
    fn recorded(request: &Value) -> Option<Self> {
        let text = |value: &Value| resolved(value.as_str().map_or_else(|| value.to_string(), str::to_owned).as_str());
        let pairs = |field: &str| -> Vec<(String, String)> {
            let fields = request[field].as_object().into_iter().flatten();
            fields
                .flat_map(|(name, value)| match value {
                    Value::Array(values) => values.iter().map(|value| (name.clone(), text(value))).collect(),
                    value => vec![(name.clone(), text(value))],
                })
                .collect()
        };
        let body = match (request.get("raw"), request.get("body")) {
            (Some(raw), _) => Err(resolved(raw.as_str().unwrap_or_default())),
            (None, Some(body)) => Ok(serde_json::from_str(&resolved(&body.to_string())).unwrap_or_default()),
            (None, None) => Ok(Value::Null),
        };
        let mut headers = pairs("headers");
        headers.iter_mut().for_each(|(name, _)| name.make_ascii_lowercase());
        if matches!(&body, Ok(body) if !body.is_null()) && !headers.iter().any(|(name, _)| name == "content-type") {
            headers.push(("content-type".into(), "application/json".into()));
        }
        let method = request["method"].as_str()?.to_owned();
        Some(Self { method, path: text(&request["path"]), query: pairs("query"), headers, body })
    }

    /// Makes it one about the object `a`.
    fn rename(&mut self) {
        let plural = ["/birds/", "/nests/"].into_iter().find_map(|plural| Some(self.path.find(plural)? + plural.len()));
        if let Some(start) = plural {
            let end = self.path[start..].find('/').map_or(self.path.len(), |end| start + end);
            self.path.replace_range(start..end, "a");
        }
        if let Ok(Value::Object(body)) = &mut self.body
            && let Some(Value::String(name)) = body.get_mut("metadata").and_then(|metadata| metadata.get_mut("name"))
        {
            *name = "a".to_owned();
        }
    }

    fn plain(&self) -> Vec<u8> {
        self.written(&self.body.as_ref().map_or_else(Clone::clone, json_text))
    }

    fn text(&self, random: &mut StdRng) -> Vec<u8> {
        match &self.body {
            Ok(body) if !body.is_null() && random.random_ratio(1, 8) => {
                self.written(&serde_saphyr::to_string(body).unwrap_or_default())
            }
            _ => self.plain(),
        }
    }

    fn written(&self, body: &str) -> Vec<u8> {
        let pairs: Vec<String> = self
            .query
            .iter()
            .map(|(name, value)| format!("{}={}", mutate::encoded(name.as_bytes()), mutate::encoded(value.as_bytes())))
            .collect();
        let query = if pairs.is_empty() { String::new() } else { format!("?{}", pairs.join("&")) };
        let headers: String = self.headers.iter().map(|(name, value)| format!("{name}: {value}\n")).collect();
        format!("{} {}{query}\n{headers}\n{body}", self.method, self.path).into_bytes()
    }
}

fn json_text(body: &Value) -> String {
    if body.is_null() { String::new() } else { body.to_string() }
}

/// The text with every `${variable}` replaced: what they stood for is not of importance here.
fn resolved(text: &str) -> String {
    let mut parts = text.split("${");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, rest) = part.split_once('}').unwrap_or((part, ""));
        out.push_str(match name {
            "group" => "demo.example.com",
            "revgroup" => "com.example.demo",
            name if name.starts_with("ns") => "default",
            name if name.contains("uid") => "6d0c8e1e-1b0f-4b8e-9f39-0f8d4f1c2a3b",
            _ => "2",
        });
        out.push_str(rest);
    }
    out
}

/// Values that code tends not to think of.
fn values() -> Vec<Value> {
    let texts = [
        r#"null"#,
        "true",
        "0",
        "-1",
        "1.5",
        "1.0",
        "-0.0",
        "1e400",
        "9223372036854775807",
        "9223372036854775808",
        "-9223372036854775809",
        "18446744073709551616",
        "1e308",
        r#""""#,
        r#"" ""#,
        r#""a""#,
        r#""\u0000""#,
        r#""\ud83d\ude00""#,
        r#""2026-01-01T00:00:00Z""#,
        r#""99999999999999999999""#,
        "[]",
        "{}",
        "[null]",
        r#"{"":null}"#,
        "[[[[[[]]]]]]",
        r#"{"a":{"a":{"a":{"a":{}}}}}"#,
        r#"["a","a"]"#,
        r#"[{"name":"a"},{"name":"a"}]"#,
        r#"{"f:spec":{"f:color":{}}}"#,
        r#"{"f:a":{".":{}},"k:{\"name\":\"x\"}":{},"v:1":{},"i:0":{},"x":1}"#,
        r#"{"k:{":{}}"#,
        r#"{"v:":{}}"#,
        r#"[{"manager":"m","operation":"Apply","apiVersion":"demo.example.com/v1","fieldsType":"FieldsV1","fieldsV1":{"f:spec":{"f:songs":{"v:\"a\"":{}}}}}]"#,
        r#"[{"manager":"m","operation":"Update","apiVersion":"nope/v1","fieldsType":"FieldsV1","time":"x","fieldsV1":{"f:metadata":{"f:name":{}}}}]"#,
        r#"[{}]"#,
        r#"[{"op":"add","path":"/metadata/managedFields","value":[]}]"#,
    ];
    texts.iter().filter_map(|text| serde_json::from_str(text).ok()).collect()
}

const PATHS: &[&str] = &[
    "/",
    "/apis",
    "/api/v1",
    "/apis/demo.example.com/v1/namespaces/default/birds/robin/status\nwatch=true",
    "/apis/demo.example.com/v1/nests",
    "/api/v1/namespaces/default/events",
    "/apis/demo.example.com/v1/watch/birds/a",
    "/apis/demo.example.com/v1/namespaces/default",
    "/api/v1/namespaces/default/finalize",
    "/openapi/v3",
    "/healthz",
    "/apis/demo.example.com/v1/namespaces/d/birds/r/proxy/a//b/..\nfieldSelector=metadata.name%3Da",
];
const QUERIES: &[&str] = &[
    "watch=1&resourceVersion=0&labelSelector=a%3Db",
    "limit=500&continue=abc",
    "a=b&a=c&a",
    "%zz=%1",
    "fieldSelector=a%2Cb",
    "dryRun=All&fieldManager=x&force=true&fieldValidation=Strict",
    "pretty=false",
    "a=%F0%9F%98%80&b=+",
];
const SELECTORS: &[&str] = &[
    "a=b",
    "a==b,c!=d",
    "a in (b,c),d notin (e), f, !g",
    "x>1,y<5",
    "example.com/a in ()",
    "",
    ",",
    "a=b\nmetadata.name=x",
    "\nspec.species!=a\\,b,metadata.namespace==default",
    "a in (b\nc\\=d=e",
    "in in (in)",
    "notin,in=notin",
];
const MEDIA: &[&str] = &[
    "application/json",
    "application/json;as=Table;v=v1;g=meta.k8s.io,application/json",
    "*/*",
    "application/yaml;q=0.5",
    "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1",
    "text/html, */*;q=0",
    "application/apply-patch+yaml",
    "application/json;stream=watch",
    "application/vnd.kubernetes.protobuf",
    "application/merge-patch+json; charset=utf-8",
];
const JSON_PATHS: &[&str] = &[
    ".metadata.name",
    "$.status.conditions[?(@.type==\"Ready\")].status",
    ".metadata.annotations.example\\.com/x",
    ".",
    ".status.conditions[*].n[-1]",
    ".status.conditions[0:2].type",
    "..name",
    ".metadata['name','uid']",
    "[0]",
    ".a[?(@.b>1)]",
    ".status.conditions[-1:].n[0:3:2]",
    ".status.conditions[?(@.n[0]==1)].type",
];
const DOCUMENT: &str =
    r#"{"a":{"b":[1,{"c":"d"},[2,3]],"e/f":"g","h~i":null},"metadata":{"name":"x","labels":{"a":"b"}}}"#;
const JSON_PATCHES: &[&str] = &[
    r#"[{"op":"add","path":"/a/b/-","value":1},{"op":"remove","path":"/a/b/0"}]"#,
    r#"[{"op":"test","path":"/a/e~1f","value":"g"},{"op":"replace","path":"/a/h~0i","value":[]}]"#,
    r#"[{"op":"move","from":"/a","path":"/metadata/labels/z"},{"op":"copy","from":"/metadata","path":"/metadata/labels"}]"#,
    r#"[{"op":"copy","from":"","path":"/a/b/0"},{"op":"copy","from":"","path":"/a/b/0"},{"op":"copy","from":"","path":"/x"}]"#,
    r#"[{"op":"replace","path":"","value":{"a":1}},{"op":"add","path":"/a/b/01","value":1}]"#,
    r#"[]"#,
    r#"{}"#,
    r#"[{"op":"add","path":"/a/b/-1","value":1},{"op":"add","path":"/a/b/18446744073709551616","value":1}]"#,
];
const MERGE_PATCHES: &[&str] = &[
    r#"{"a":null,"metadata":{"labels":{"a":null,"b":"c"}}}"#,
    r#"{"a":{"b":{"c":null}}}"#,
    "{}",
    "[]",
    r#"{"x":{"y":{"z":null}}}"#,
];
const BODIES: &[&str] = &[
    "a: 1\nb: [1, 2.0, 0x10, 0o7, 1_000, .inf, .nan, yes, ~]\n",
    "a: &x {b: c}\nd: *x\n<<: *x\n",
    "- a\n- - b\n  - c\n",
    "a: |\n  text\n\n  more\nb: >-\n  folded\n  text\n",
    "{a: 1, a: 2}",
    "{\"a\":1,\"a\":{\"a\":1,\"a\":2}}",
    "a: !!binary YWJj\n",
    "? complex\n: value\n",
    "a: 2026-01-01\nb: 12:30:45\n",
    "---\na: 1\n---\nb: 2\n",
    "\"\\ud800\"",
    "[1e999]",
    "%YAML 1.1\n---\na: b\n",
    "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nd: &d [*c, *c]\n",
];
const SCHEMAS: &[&str] = &[
    r#"{"type":"string","pattern":"^(a+)+$","maxLength":5,"format":"date-time"}"#,
    r#"{"type":"array","items":{"type":"string"},"x-kubernetes-list-type":"set"}"#,
    r#"{"type":"object","x-kubernetes-preserve-unknown-fields":true}"#,
    r#"{"type":"object","x-kubernetes-embedded-resource":true,"properties":{"spec":{"type":"object"}}}"#,
    r#"{"x-kubernetes-int-or-string":true,"anyOf":[{"type":"integer"},{"type":"string"}]}"#,
    r#"{"type":"integer","default":1,"multipleOf":0.1,"enum":[1,2]}"#,
    r#"{"type":"object","additionalProperties":{"type":"string"},"default":{"a":"b"},"nullable":true}"#,
    r#"{"type":"object","properties":{"a":{"type":"string","default":"x"}},"allOf":[{"required":["a"]}],"not":{"required":["b"]}}"#,
    r#"{"type":"string","x-kubernetes-validations":[{"rule":"self.matches('^a+$')","messageExpression":"self + 'x'"}]}"#,
];
const RULES: &[&str] = &[
    "self.count <= 10",
    "self.text == oldSelf.text",
    "has(self.map) && 'a' in self.map",
    "self.list.all(x, x > 0)",
    "self.items.exists_one(i, i.name == 'x' && has(i.value))",
    "self.set.map(s, s + 'x').filter(s, s.size() > 1).size() < 5",
    "self.text.matches('^[a-z]+$') ? self.flag : !self.flag",
    "duration(self.long) < duration('2h')",
    "timestamp(self.when).getFullYear() > 2000",
    "self.text.split('').join(',').upperAscii().indexOf('A') >= 0",
    "quantity('1Gi').isGreaterThan(quantity('1M'))",
    "url('https://a.b/c?d=e').getHost() == 'a.b'",
    "self.list.sum() / self.list.size() > 1 && self.list.min() % 2 == 1",
    "string(self.either).find('[0-9]+') != ''",
    "type(self.either) == int || int(self.either) > 0",
    "self.map.all(k, self.map[k] != '')",
    "{'a': 1, 'b': [1, 2.5, 3u]}['b'][1] == 2.5",
    "self.list.exists(x, self.list.exists(y, self.list.exists(z, x == y && y == z)))",
    "optional.of(self.text).orValue('x') == 'abc'",
    "self.?text.orValue('') != ''",
    "b'abc' == bytes('abc')",
    "ip('10.0.0.1').family() == 4 && cidr('10.0.0.0/8').containsIP('10.0.0.1')",
    "self.raw.size() == 3",
    "9223372036854775807 + self.count > 0",
    "format.dns1123Label().validate(self.text).hasValue()",
    "'%d %s'.format([1, 'a']) == '1 a'",
    "semver('1.2.3').major() == 1",
    "dyn(self.any) == dyn(self.any)",
    "self.share / 0.0 > 1.0",
    "1 / 0 == 1 || true",
    "[1, 2, 3].slice(0, 2).sort() == [1, 2]",
    "sets.contains([1, 2], [1])",
];
const RULE_WORDS: &[&str] = &[
    "self",
    ".",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "?",
    ":",
    "&&",
    "||",
    "!",
    "==",
    "<=",
    "+",
    "-",
    "*",
    "/",
    "%",
    " in ",
    "has(",
    "all(x, ",
    "exists(y, ",
    "map(z, ",
    "'",
    "\"\"\"",
    "r'",
    "b'",
    "0x",
    "1u",
    "1e",
    ".5",
    "null",
    "true",
    "\\u{",
    "\\x",
    "//",
    "self.list",
    "self.map",
    "size()",
    "matches('",
    "timestamp('",
    "duration('",
    "oldSelf",
];
const QUERY: &[(&str, &str)] = &[
    ("watch", "true"),
    ("watch", "1"),
    ("resourceVersion", "0"),
    ("resourceVersion", "1"),
    ("resourceVersion", "-1"),
    ("resourceVersion", "x"),
    ("resourceVersionMatch", "Exact"),
    ("resourceVersionMatch", "NotOlderThan"),
    ("resourceVersionMatch", "?"),
    ("sendInitialEvents", "true"),
    ("allowWatchBookmarks", "true"),
    ("limit", "1"),
    ("limit", "-1"),
    ("limit", "99999999999999999999"),
    ("continue", "x"),
    ("continue", "eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6Miwic3RhcnQiOiJhXHUwMDAwIn0"),
    ("continue", "eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6LTEsInN0YXJ0IjoiLi4vLi4ifQ"),
    ("timeoutSeconds", "0"),
    ("timeoutSeconds", "-5"),
    ("timeoutSeconds", "9999999999999999"),
    ("timeout", "1s"),
    ("timeout", "-1h"),
    ("labelSelector", "a in (b"),
    ("labelSelector", "a notin (b),!c"),
    ("fieldSelector", "metadata.name=a"),
    ("fieldSelector", "spec.color!=red"),
    ("fieldSelector", "nothing=a"),
    ("dryRun", "All"),
    ("dryRun", "None"),
    ("fieldManager", "m"),
    ("fieldManager", ""),
    ("force", "true"),
    ("force", "maybe"),
    ("fieldValidation", "Strict"),
    ("fieldValidation", "Warn"),
    ("fieldValidation", "Never"),
    ("propagationPolicy", "Foreground"),
    ("propagationPolicy", "Orphan"),
    ("propagationPolicy", "x"),
    ("gracePeriodSeconds", "-1"),
    ("gracePeriodSeconds", "0"),
    ("orphanDependents", "true"),
    ("includeObject", "Object"),
    ("includeObject", "x"),
    ("pretty", "true"),
    ("ignoreStoreReadErrorWithClusterBreakingPotential", "true"),
];
const HEADERS: &[(&str, &str)] = &[
    ("accept", "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"),
    ("accept", "application/yaml"),
    ("accept", "application/vnd.kubernetes.protobuf"),
    ("accept", "x"),
    ("accept", "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"),
    ("accept", "*/*;q=0"),
    ("accept-encoding", "gzip"),
    ("content-type", "application/json"),
    ("content-type", "application/yaml"),
    ("content-type", "application/apply-patch+yaml"),
    ("content-type", "application/merge-patch+json"),
    ("content-type", "application/json-patch+json"),
    ("content-type", "application/strategic-merge-patch+json"),
    ("content-type", "application/vnd.kubernetes.protobuf"),
    ("content-type", "x"),
    ("content-encoding", "gzip"),
    ("content-length", "5"),
    ("impersonate-user", "somebody"),
    ("impersonate-group", "system:masters"),
    ("authorization", "Bearer x"),
    ("upgrade", "websocket"),
    ("expect", "100-continue"),
];
