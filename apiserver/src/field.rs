//! Errors about fields of an object, in the words of Kubernetes' `field.Error`.
