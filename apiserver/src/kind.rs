//! What a kind is: names, scope, versions. Read once, at start, from the CRD that the derive yields, and from nowhere
//! else; endpoints, discovery and OpenAPI all read this description.

use std::sync::Arc;

use http::Method;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, CustomResourceDefinitionVersion, CustomResourceSubresourceScale,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::schema::Schema;
use crate::schema::json_path::JsonPath;

/// A type that objects can be read as: whatever derives `kube::CustomResource`, and the types of `k8s-openapi`.
pub trait Typed:
    kube::Resource<DynamicType = ()> + Clone + Serialize + DeserializeOwned + Send + Sync + 'static
{
}

impl<K> Typed for K where
    K: kube::Resource<DynamicType = ()> + Clone + Serialize + DeserializeOwned + Send + Sync + 'static
{
}

/// A kind that the server serves, in all its versions.
#[derive(Clone, Debug)]
pub struct Kind {
    /// The API group of the storage version; empty for the core group.
    pub group: String,
    /// For example `Bird`.
    pub kind: String,
    /// For example `BirdList`.
    pub list_kind: String,
    /// For example `birds`: the name in paths.
    pub plural: String,
    /// For example `bird`.
    pub singular: String,
    /// Short names for kubectl.
    pub short_names: Vec<String>,
    /// Groups of kinds for kubectl, for example `all`.
    pub categories: Vec<String>,
    /// Whether its objects live in namespaces.
    pub namespaced: bool,
    /// Whether `metadata.generation` is kept.
    pub generation: bool,
    /// What can be done with its objects, sorted; everything for kinds that the server stores.
    pub verbs: Vec<Verb>,
    /// Whether the server stores its objects.
    pub stored: bool,
    /// Whether it answers as the kinds do that are compiled into Kubernetes, and not as custom resources do.
    pub native: bool,
    /// Every version, newest first by Kubernetes' version priority.
    pub versions: Vec<KindVersion>,
    /// Which of `versions` is stored.
    pub storage: usize,
}

/// One version of a kind: one shape under one path.
#[derive(Clone, Debug)]
pub struct KindVersion {
    /// The group it is served in. That of the kind, save for the few built-in kinds that are served in two groups.
    pub group: String,
    /// For example `v1alpha1`.
    pub version: String,
    /// Whether clients may use it.
    pub served: bool,
    /// The text of the warning that every request to this version is answered with.
    pub deprecation_warning: Option<String>,
    /// The schema, compiled.
    pub schema: Arc<Schema>,
    /// The schema as written: an OpenAPI v3 object with Kubernetes' extensions.
    pub openapi: Value,
    /// The columns of a Table, without the name; never empty.
    pub columns: Vec<Column>,
    /// Paths that field selectors may name beside `metadata.name` and `metadata.namespace`.
    pub selectable_fields: Vec<SelectableField>,
    /// Whether `/status` is served.
    pub status: bool,
    /// Where `/scale` finds its numbers, when it is served.
    pub scale: Option<CustomResourceSubresourceScale>,
    /// The subresources of a project's own, sorted by name.
    pub subresources: Vec<Subresource>,
}

/// A subresource of a project's own.
#[derive(Clone, Debug)]
pub struct Subresource {
    /// The last segment of its path, for example `feeding`.
    pub name: String,
    /// What can be done with it, sorted.
    pub verbs: Vec<Verb>,
    /// The kind of its object; absent where whoever answers decides what is sent, whatever the path below it.
    pub object: Option<Arc<Kind>>,
    /// The HTTP methods that are answered where there is no kind.
    pub methods: Vec<Method>,
}

/// What can be done with a resource, in the words of authorization and discovery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verb {
    /// POST.
    Create,
    /// DELETE of an object.
    Delete,
    /// DELETE of a collection.
    DeleteCollection,
    /// GET of an object.
    Get,
    /// GET of a collection.
    List,
    /// PATCH.
    Patch,
    /// PUT.
    Update,
    /// GET of a collection with `watch`.
    Watch,
}

/// A column of a Table.
#[derive(Clone, Debug)]
pub struct Column {
    /// The header.
    pub name: String,
    /// `string`, `integer`, `number`, `boolean` or `date`.
    pub type_: String,
    /// For example `int64`; often empty.
    pub format: String,
    /// What the column shows.
    pub description: String,
    /// 0 is always shown; higher only with `-o wide`.
    pub priority: i32,
    /// Where the cell's value is.
    pub path: JsonPath,
    /// Computes the cell where no path leads to it; `path` is then not followed. Only built-in kinds have such columns;
    /// one of format `name` among them stands for the name column, which is otherwise the first of every Table.
    pub cell: Option<Cell>,
}

/// Computes a cell from an object and the present time.
pub type Cell = fn(&Value, jiff::Timestamp) -> Value;

/// A field that field selectors may name.
#[derive(Clone, Debug)]
pub struct SelectableField {
    /// As selectors write it, for example `spec.color`.
    pub name: String,
    /// Where it is.
    pub path: JsonPath,
}

/// Why a CRD cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum KindError {
    /// The CRD has no version that is stored, or more than one.
    #[error("{crd}: exactly one version must be the storage version, {found} are")]
    Storage {
        /// The CRD's name.
        crd: String,
        /// How many versions say `storage: true`.
        found: usize,
    },
    /// Two versions have one name.
    #[error("{crd}: version {version} is there twice")]
    Twice {
        /// The CRD's name.
        crd: String,
        /// The version.
        version: String,
    },
    /// A version has no schema.
    #[error("{crd}: version {version} has no schema")]
    NoSchema {
        /// The CRD's name.
        crd: String,
        /// The version.
        version: String,
    },
    /// A schema is not structural, or uses what is not known.
    #[error("{crd}: the schema of version {version} cannot be used")]
    Schema {
        /// The CRD's name.
        crd: String,
        /// The version.
        version: String,
        /// What is wrong with it.
        source: crate::schema::SchemaError,
    },
    /// A column or selectable field has a path that cannot be read.
    #[error("{crd}: version {version}: {path:?} is not a JSON path that can be read")]
    Path {
        /// The CRD's name.
        crd: String,
        /// The version.
        version: String,
        /// The path.
        path: String,
    },
}

impl Kind {
    /// Reads a CRD.
    ///
    /// # Errors
    /// A CRD that contradicts itself or has a schema that is not structural.
    pub fn from_crd(crd: &CustomResourceDefinition) -> Result<Self, KindError> {
        let spec = &crd.spec;
        let name = format!("{}.{}", spec.names.plural, spec.group);
        let found = spec.versions.iter().filter(|version| version.storage).count();
        if found != 1 {
            return Err(KindError::Storage { crd: name, found });
        }
        let mut sources: Vec<&CustomResourceDefinitionVersion> = spec.versions.iter().collect();
        sources.sort_by(|a, b| {
            kube::core::Version::parse(&b.name).priority().cmp(&kube::core::Version::parse(&a.name).priority())
        });
        if let Some(pair) = sources.windows(2).find(|pair| pair[0].name == pair[1].name) {
            return Err(KindError::Twice { crd: name, version: pair[0].name.clone() });
        }
        let versions = sources
            .iter()
            .map(|version| KindVersion::from_crd(&name, &spec.group, &spec.names.kind, version))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Self {
            group: spec.group.clone(),
            kind: spec.names.kind.clone(),
            list_kind: spec.names.list_kind.clone().unwrap_or_else(|| format!("{}List", spec.names.kind)),
            plural: spec.names.plural.clone(),
            singular: spec.names.singular.clone().unwrap_or_else(|| spec.names.kind.to_lowercase()),
            short_names: spec.names.short_names.clone().unwrap_or_default(),
            categories: spec.names.categories.clone().unwrap_or_default(),
            namespaced: spec.scope == "Namespaced",
            generation: true,
            verbs: Verb::ALL.to_vec(),
            stored: true,
            native: false,
            storage: sources.iter().position(|version| version.storage).unwrap_or_default(),
            versions,
        })
    }

    /// Makes it one of those that are compiled into Kubernetes: see [`Strategy::is_native`](crate::Strategy::is_native).
    pub fn make_native(&mut self, crd: &CustomResourceDefinition) {
        self.native = true;
        self.generation = false;
        for version in &mut self.versions {
            let source = crd.spec.versions.iter().find(|source| source.name == version.version);
            let declared = source.and_then(|source| source.additional_printer_columns.as_ref());
            if declared.is_none_or(Vec::is_empty) {
                version.columns = vec![Column::created_at()];
            }
        }
    }

    /// The version that is stored.
    pub fn storage_version(&self) -> &KindVersion {
        &self.versions[self.storage]
    }

    /// A version that clients may use.
    pub fn served(&self, group: &str, version: &str) -> Option<&KindVersion> {
        self.versions.iter().find(|v| v.served && v.version == version && v.group == group)
    }

    /// `birds.demo.example.com`: how messages name the resource. The core group has no suffix.
    pub fn qualified_resource(&self) -> String {
        qualified(&self.plural, &self.group)
    }

    /// `Bird.demo.example.com`: how messages name the kind.
    pub fn qualified_kind(&self) -> String {
        qualified(&self.kind, &self.group)
    }

    /// Where its objects are stored: `/registry/GROUP/PLURAL/`. The core group is written `core`, as no group with a
    /// domain can be.
    pub fn storage_prefix(&self) -> String {
        let group = if self.group.is_empty() { "core" } else { &self.group };
        format!("/registry/{group}/{}/", self.plural)
    }
}

impl Verb {
    /// All of them, sorted.
    pub const ALL: [Self; 8] = [
        Self::Create,
        Self::Delete,
        Self::DeleteCollection,
        Self::Get,
        Self::List,
        Self::Patch,
        Self::Update,
        Self::Watch,
    ];

    /// For example `deletecollection`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Delete => "delete",
            Self::DeleteCollection => "deletecollection",
            Self::Get => "get",
            Self::List => "list",
            Self::Patch => "patch",
            Self::Update => "update",
            Self::Watch => "watch",
        }
    }

    /// What can be done where `own` is implemented: to read and to update is to patch, to list and to delete is to
    /// delete a collection. Sorted.
    pub fn complete(own: &[Self]) -> Vec<Self> {
        let has = |verb| own.contains(&verb);
        let follows = |verb| match verb {
            Self::Patch => has(Self::Get) && has(Self::Update),
            Self::DeleteCollection => has(Self::List) && has(Self::Delete),
            _ => false,
        };
        Self::ALL.into_iter().filter(|verb| has(*verb) || follows(*verb)).collect()
    }

    /// The verb that a method stands for on something that has a name.
    pub fn of_method(method: &Method) -> Option<Self> {
        match method.as_str() {
            "GET" | "HEAD" => Some(Self::Get),
            "POST" => Some(Self::Create),
            "PUT" => Some(Self::Update),
            "PATCH" => Some(Self::Patch),
            "DELETE" => Some(Self::Delete),
            _ => None,
        }
    }
}

impl Kind {
    /// Whether this can be done with its objects; `verb` in the words of a request.
    pub fn offers(&self, verb: &str) -> bool {
        self.verbs.iter().any(|offered| offered.name() == verb)
    }
}

impl KindVersion {
    /// A subresource of the project's own.
    pub fn subresource(&self, name: &str) -> Option<&Subresource> {
        self.subresources.iter().find(|subresource| subresource.name == name)
    }

    fn from_crd(
        crd: &str,
        group: &str,
        kind: &str,
        source: &CustomResourceDefinitionVersion,
    ) -> Result<Self, KindError> {
        let version = || source.name.clone();
        let openapi = source
            .schema
            .as_ref()
            .and_then(|schema| schema.open_api_v3_schema.as_ref())
            .and_then(|schema| serde_json::to_value(schema).ok())
            .ok_or_else(|| KindError::NoSchema { crd: crd.into(), version: version() })?;
        let schema = Schema::compile(&openapi).map_err(|source| KindError::Schema {
            crd: crd.into(),
            version: version(),
            source,
        })?;
        let path = |path: &str| {
            JsonPath::parse(path).map_err(|_| KindError::Path {
                crd: crd.into(),
                version: version(),
                path: path.into(),
            })
        };
        let mut columns = Vec::new();
        for column in source.additional_printer_columns.iter().flatten() {
            columns.push(Column {
                name: column.name.clone(),
                type_: column.type_.clone(),
                format: column.format.clone().unwrap_or_default(),
                description: column.description.clone().unwrap_or_default(),
                priority: column.priority.unwrap_or_default(),
                path: path(&column.json_path)?,
                cell: None,
            });
        }
        if columns.is_empty() {
            columns.push(Column::age());
        }
        let mut selectable_fields = Vec::new();
        for field in source.selectable_fields.iter().flatten() {
            selectable_fields.push(SelectableField {
                name: field.json_path.trim_start_matches('.').to_owned(),
                path: path(&field.json_path)?,
            });
        }
        let subresources = source.subresources.as_ref();
        Ok(Self {
            group: group.to_owned(),
            version: version(),
            served: source.served,
            deprecation_warning: source.deprecated.unwrap_or_default().then(|| {
                let standard = || format!("{group}/{} {kind} is deprecated", source.name);
                source.deprecation_warning.clone().unwrap_or_else(standard)
            }),
            schema: Arc::new(schema),
            openapi,
            columns,
            selectable_fields,
            status: subresources.is_some_and(|all| all.status.is_some()),
            scale: subresources.and_then(|all| all.scale.clone()),
            subresources: Vec::new(),
        })
    }

    /// `demo.example.com/v1`, or `v1` in the core group: what `apiVersion` holds.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.clone() } else { format!("{}/{}", self.group, self.version) }
    }
}

impl Column {
    /// The column of a kind that declares none.
    pub fn age() -> Self {
        Self {
            name: "Age".into(),
            type_: "date".into(),
            format: String::new(),
            description: "CreationTimestamp is a timestamp representing the server time when this object was created."
                .into(),
            priority: 0,
            path: JsonPath::parse(".metadata.creationTimestamp").expect("a constant path"),
            cell: None,
        }
    }

    /// The column of a native kind that declares none.
    pub fn created_at() -> Self {
        Self {
            name: "Created At".into(),
            cell: Some(|object, _| object.pointer("/metadata/creationTimestamp").cloned().unwrap_or_default()),
            ..Self::age()
        }
    }
}

/// An error with all its causes, in one line.
pub(crate) fn told(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", told(source)),
        None => error.to_string(),
    }
}

/// schemars calls the schema of each kind after its type. That says nothing, and clients would see it in OpenAPI.
pub(crate) fn drop_titles(crd: &mut CustomResourceDefinition) {
    for version in &mut crd.spec.versions {
        if let Some(schema) = version.schema.as_mut().and_then(|schema| schema.open_api_v3_schema.as_mut()) {
            schema.title = schema.title.take().filter(|title| !title.chars().all(char::is_alphanumeric));
        }
    }
}

/// `birds.demo.example.com`. The core group has no suffix.
pub(crate) fn qualified(name: &str, group: &str) -> String {
    if group.is_empty() { name.to_owned() } else { format!("{name}.{group}") }
}
