"""What the Kubernetes client for Python does with the kinds of examples/aviary, over TLS, as `run local` set it up.

Run by tests/python_client.rs, which sets KUBECONFIG.
"""

import tempfile
import threading
import unittest

from kubernetes import client, config, dynamic, watch
from kubernetes.client.rest import ApiException
from kubernetes.dynamic import exceptions

MERGE = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
# Seconds; far more than anything here takes.
SOON = 30


def bird(name, **spec):
    return {
        "apiVersion": "demo.example.com/v1",
        "kind": "Bird",
        "metadata": {"name": name, "labels": {"made-by": "python"}},
        "spec": {"species": "robin", **spec},
    }


def create_namespace(name):
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    client.CoreV1Api(config.new_client_from_config()).create_namespace(namespace)


class Dynamic(unittest.TestCase):
    """The dynamic client: kinds are found by discovery."""

    @classmethod
    def setUpClass(cls):
        # What is discovered goes to a file, by default one of the same name for every server at this address.
        cls.cache = tempfile.TemporaryDirectory()
        connection = config.new_client_from_config()
        cls.client = dynamic.DynamicClient(connection, cache_file=cls.cache.name + "/discovery.json")
        cls.birds = cls.client.resources.get(api_version="demo.example.com/v1", kind="Bird")
        cls.nests = cls.client.resources.get(api_version="demo.example.com/v1", kind="Nest")

    @classmethod
    def tearDownClass(cls):
        cls.cache.cleanup()

    def setUp(self):
        # A namespace for each test.
        self.namespace = self.id().rsplit(".", 1)[-1].replace("_", "-")
        create_namespace(self.namespace)

    def create(self, name, **spec):
        return self.birds.create(body=bird(name, **spec), namespace=self.namespace)

    def test_discovery(self):
        self.assertTrue(self.birds.namespaced)
        self.assertFalse(self.nests.namespaced)
        self.assertEqual(self.birds.name, "birds")
        self.assertEqual(sorted(self.birds.subresources), ["scale", "status"])
        self.assertEqual((self.birds.singular_name, self.birds.short_names), ("bird", ["bd"]))
        found = self.client.resources.search(group="demo.example.com", kind="Bird")
        self.assertEqual(sorted(one.api_version for one in found), ["v1", "v1alpha1"])
        with self.assertRaises(exceptions.ResourceNotFoundError):
            self.client.resources.get(api_version="demo.example.com/v1", kind="Fish")
        self.assertIn("kubernetes", self.client.version)

    def test_create_read_replace_delete(self):
        created = self.create("robin", color="red")
        self.assertEqual((created.spec.color, created.spec.replicas), ("red", 1))
        with self.assertRaises(exceptions.ConflictError):
            self.create("robin")
        with self.assertRaises(exceptions.UnprocessibleEntityError):
            self.create("wide", wingspanCm=500)
        got = self.birds.get(name="robin", namespace=self.namespace)
        self.assertEqual(got.to_dict(), created.to_dict())
        got.spec.color = "blue"
        replaced = self.birds.replace(body=got, namespace=self.namespace)
        self.assertEqual((replaced.spec.color, replaced.metadata.generation), ("blue", 2))
        with self.assertRaises(exceptions.ConflictError):
            self.birds.replace(body=created, namespace=self.namespace)
        gone = self.birds.delete(name="robin", namespace=self.namespace, body={})
        self.assertEqual(gone.status, "Success")
        with self.assertRaises(exceptions.NotFoundError):
            self.birds.get(name="robin", namespace=self.namespace)

    def test_lists(self):
        for number in range(5):
            self.create(f"bird-{number}", color="red" if number % 2 else "blue")
        names = lambda page: [item.metadata.name for item in page.items]
        page, seen = None, []
        while page is None or page.metadata["continue"]:
            token = page and page.metadata["continue"]
            page = self.birds.get(namespace=self.namespace, limit=2, _continue=token)
            self.assertEqual(page.kind, "BirdList")
            self.assertLessEqual(len(page.items), 2)
            seen += names(page)
        self.assertEqual(seen, [f"bird-{number}" for number in range(5)])
        reds = self.birds.get(namespace=self.namespace, field_selector="spec.color=red")
        self.assertEqual(names(reds), ["bird-1", "bird-3"])
        self.assertEqual(len(self.birds.get(label_selector="made-by in (python)").items) >= 5, True)
        self.birds.delete(namespace=self.namespace, field_selector="spec.color=red", body={})
        self.assertEqual(names(self.birds.get(namespace=self.namespace)), ["bird-0", "bird-2", "bird-4"])
        with self.assertRaises(exceptions.BadRequestError):
            self.birds.get(namespace=self.namespace, label_selector="color in red")

    def test_patches(self):
        self.create("robin", songs=["dawn"])
        patch = lambda body, kind: self.birds.patch(
            name="robin", namespace=self.namespace, body=body, content_type=kind
        )
        merged = patch({"spec": {"color": "green", "songs": None}}, MERGE)
        self.assertEqual((merged.spec.color, merged.spec.songs), ("green", None))
        added = patch([{"op": "add", "path": "/spec/songs", "value": ["dusk"]}], JSON_PATCH)
        self.assertEqual(added.spec.songs, ["dusk"])
        with self.assertRaises(exceptions.DynamicApiError) as refused:
            patch({"spec": {"color": "red"}}, "application/strategic-merge-patch+json")
        self.assertEqual(refused.exception.status, 415)
        with self.assertRaises(exceptions.UnprocessibleEntityError):
            patch([{"op": "test", "path": "/spec/color", "value": "red"}], JSON_PATCH)

    def test_server_side_apply(self):
        apply = lambda manager, body, **rest: self.birds.server_side_apply(
            body=body, namespace=self.namespace, field_manager=manager, **rest
        )
        apply("one", bird("robin", color="red"))
        shared = apply("two", bird("robin", wingspanCm=22))
        self.assertEqual((shared.spec.color, shared.spec.wingspanCm), ("red", 22))
        with self.assertRaises(exceptions.ConflictError) as conflict:
            apply("two", bird("robin", color="blue"))
        self.assertIn('conflict with \\"one\\"', conflict.exception.body.decode())
        # This client writes booleans as Python does.
        forced = apply("two", bird("robin", color="blue"), force_conflicts=True)
        self.assertEqual((forced.spec.color, forced.spec.wingspanCm), ("blue", None))
        managers = {entry.manager for entry in forced.metadata.managedFields}
        self.assertEqual(managers, {"one", "two"})
        with self.assertRaises(exceptions.UnprocessibleEntityError):
            self.birds.server_side_apply(body=bird("robin"), namespace=self.namespace)

    def test_subresources(self):
        self.create("robin")
        patched = self.birds.status.patch(
            name="robin",
            namespace=self.namespace,
            body={"status": {"phase": "Singing"}, "spec": {"color": "never"}},
            content_type=MERGE,
        )
        self.assertEqual((patched.status.phase, patched.spec.color), ("Singing", "brown"))
        scale = {"spec": {"replicas": 3}}
        scaled = self.birds.scale.patch(name="robin", namespace=self.namespace, body=scale, content_type=MERGE)
        self.assertEqual(scaled.spec.replicas, 3)
        self.assertEqual(self.birds.scale.get(name="robin", namespace=self.namespace).kind, "Scale")

    def test_watch(self):
        first = self.create("robin")
        told, watcher = [], watch.Watch()

        def follow():
            events = self.birds.watch(
                namespace=self.namespace,
                resource_version=first.metadata.resourceVersion,
                timeout=SOON,
                watcher=watcher,
                allow_watch_bookmarks=True,
            )
            for event in events:
                if event["type"] != "BOOKMARK":
                    told.append((event["type"], event["object"].metadata.name))
                if event["type"] == "DELETED":
                    watcher.stop()

        follower = threading.Thread(target=follow, daemon=True)
        follower.start()
        self.create("wren")
        self.birds.patch(
            name="wren", namespace=self.namespace, body={"spec": {"color": "red"}}, content_type=MERGE
        )
        self.birds.delete(name="wren", namespace=self.namespace, body={})
        follower.join(SOON)
        self.assertEqual(told, [("ADDED", "wren"), ("MODIFIED", "wren"), ("DELETED", "wren")])

    def test_a_kind_without_a_namespace(self):
        nest = {
            "apiVersion": "demo.example.com/v1",
            "kind": "Nest",
            "metadata": {"name": "hedge"},
            "spec": {"extra": {"anything": [1, {"b": None}, "c"]}},
        }
        created = self.nests.create(body=nest)
        self.assertEqual(created.to_dict()["spec"]["extra"]["anything"][0], 1)
        self.nests.delete(name="hedge", body={"propagationPolicy": "Background"})

    def test_dry_run(self):
        tried = self.birds.create(body=bird("robin"), namespace=self.namespace, dry_run="All")
        self.assertEqual(tried.spec.color, "brown")
        self.assertEqual(self.birds.get(namespace=self.namespace).items, [])


class Generated(unittest.TestCase):
    """The generated client, which knows custom objects as dictionaries."""

    @classmethod
    def setUpClass(cls):
        config.load_kube_config()
        cls.objects = client.CustomObjectsApi()

    def test_custom_objects(self):
        create_namespace("generated")
        where = dict(group="demo.example.com", version="v1", namespace="generated", plural="birds")
        self.objects.create_namespaced_custom_object(body=bird("robin"), **where)
        patched = self.objects.patch_namespaced_custom_object(
            name="robin", body={"spec": {"color": "red"}}, **where
        )
        self.assertEqual(patched["spec"]["color"], "red")
        scale = self.objects.get_namespaced_custom_object_scale(name="robin", **where)
        self.assertEqual(scale["spec"]["replicas"], 1)
        with self.assertRaises(ApiException) as missing:
            self.objects.get_namespaced_custom_object(name="nobody", **where)
        self.assertEqual(missing.exception.status, 404)
        old = dict(where, version="v1alpha1")
        self.assertEqual(len(self.objects.list_namespaced_custom_object(**old)["items"]), 1)
        self.objects.delete_collection_namespaced_custom_object(**where)
        self.assertEqual(self.objects.list_namespaced_custom_object(**where)["items"], [])

    def test_resources_version_and_health(self):
        served = client.ApisApi().get_api_versions()
        self.assertIn("demo.example.com", [group.name for group in served.groups])
        self.assertTrue(client.VersionApi().get_code().git_version.startswith("v1."))
        self.assertEqual(client.EventsV1Api().list_event_for_all_namespaces().items, [])


if __name__ == "__main__":
    unittest.main()
