// SPDX-License-Identifier: Apache-2.0
package admission

import (
	"context"
	"encoding/json"
	"os"
	"testing"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/admission"
	plugincel "k8s.io/apiserver/pkg/admission/plugin/cel"
	"k8s.io/apiserver/pkg/admission/plugin/policy/mutating/patch"
	"k8s.io/apiserver/pkg/admission/plugin/webhook/matchconditions"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	"k8s.io/apiserver/pkg/cel/environment"
	"k8s.io/client-go/openapi/openapitest"
	"sigs.k8s.io/yaml"
)

// Of the files policy and pod; what becomes of the pod is written to made, null if it is left alone.
func TestPolicy(t *testing.T) {
	var policy admissionv1.MutatingAdmissionPolicy
	text, _ := os.ReadFile("policy")
	if err := yaml.UnmarshalStrict(text, &policy); err != nil {
		t.Fatal(err)
	}
	pod := &corev1.Pod{}
	text, _ = os.ReadFile("pod")
	if err := yaml.UnmarshalStrict(text, pod); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	converters := patch.NewTypeConverterManager(nil, openapitest.NewEmbeddedFileClient())
	go converters.Run(ctx)
	gvk := schema.GroupVersionKind{Version: "v1", Kind: "Pod"}
	for i := 0; converters.GetTypeConverter(gvk) == nil && i < 300; i++ {
		time.Sleep(100 * time.Millisecond)
	}
	compiler, err := plugincel.NewCompositedCompiler(environment.MustBaseEnvSet(environment.DefaultCompatibilityVersion()))
	if err != nil {
		t.Fatal(err)
	}
	scheme := runtime.NewScheme()
	corev1.AddToScheme(scheme)
	gvr := schema.GroupVersionResource{Version: "v1", Resource: "pods"}
	var object runtime.Object = pod
	attributes := func() *admission.VersionedAttributes {
		object.GetObjectKind().SetGroupVersionKind(gvk)
		return &admission.VersionedAttributes{
			Attributes: admission.NewAttributesRecord(object, nil, gvk, "default", "app", gvr, "",
				admission.Create, &metav1.CreateOptions{}, false, nil),
			VersionedKind: gvk, VersionedObject: object}
	}
	conditions := make([]plugincel.ExpressionAccessor, len(policy.Spec.MatchConditions))
	for i := range conditions {
		conditions[i] = (*matchconditions.MatchCondition)(&policy.Spec.MatchConditions[i])
	}
	options := plugincel.OptionalVariableDeclarations{HasAuthorizer: true}
	matcher := matchconditions.NewMatcher(compiler.CompileCondition(conditions, options, environment.StoredExpressions),
		policy.Spec.FailurePolicy, "policy", "validate", policy.Name)
	match := matcher.Match(ctx, attributes(), nil, nil)
	if match.Error != nil {
		t.Fatal(match.Error)
	}
	out := func(v any) { b, _ := json.Marshal(v); os.WriteFile("made", b, 0o644) }
	if !match.Matches {
		out(nil)
		return
	}
	options.HasPatchTypes = true
	for _, m := range policy.Spec.Mutations {
		var p patch.Patcher
		if m.JSONPatch != nil {
			p = patch.NewJSONPatcher(compiler.CompileMutatingEvaluator(&patch.JSONPatchCondition{Expression: m.JSONPatch.Expression}, options, environment.StoredExpressions))
		} else {
			p = patch.NewApplyConfigurationPatcher(compiler.CompileMutatingEvaluator(&patch.ApplyConfigurationCondition{Expression: m.ApplyConfiguration.Expression}, options, environment.StoredExpressions))
		}
		object, err = p.Patch(ctx, patch.Request{MatchedResource: gvr, VersionedAttributes: attributes(),
			ObjectInterfaces: admission.NewObjectInterfacesFromScheme(scheme),
			TypeConverter:    converters.GetTypeConverter(gvk)}, celconfig.RuntimeCELCostBudget)
		if err != nil {
			t.Fatal(err)
		}
	}
	out(object)
}
