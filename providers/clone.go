package providers

import (
	"maps"
	"slices"
)

// clone returns a deep copy.
func clone(p Provider) Provider {
	p.Server.Alternates = slices.Clone(p.Server.Alternates)
	p.Server.Params = slices.Clone(p.Server.Params)
	p.Server.Refused = slices.Clone(p.Server.Refused)
	p.Server.Hosts = slices.Clone(p.Server.Hosts)
	p.Ways = slices.Clone(p.Ways)
	for i := range p.Ways {
		p.Ways[i].Carry = slices.Clone(p.Ways[i].Carry)
		p.Ways[i].Takes = slices.Clone(p.Ways[i].Takes)
	}
	p.OAuth.Issuers = maps.Clone(p.OAuth.Issuers)
	p.OAuth.Resources = slices.Clone(p.OAuth.Resources)
	p.OAuth.Audiences = slices.Clone(p.OAuth.Audiences)
	p.OAuth.Scopes = slices.Clone(p.OAuth.Scopes)
	p.OAuth.DefaultScopes = slices.Clone(p.OAuth.DefaultScopes)
	p.OAuth.AuthMethods = slices.Clone(p.OAuth.AuthMethods)
	p.OAuth.AuthorizationParams = maps.Clone(p.OAuth.AuthorizationParams)
	p.Tokens.RefusedCodes = slices.Clone(p.Tokens.RefusedCodes)
	p.Tokens.Types = slices.Clone(p.Tokens.Types)
	p.Wrong = slices.Clone(p.Wrong)
	p.Headers = slices.Clone(p.Headers)
	p.Options = slices.Clone(p.Options)
	p.Hazards = slices.Clone(p.Hazards)
	p.Quirks = slices.Clone(p.Quirks)
	p.Docs = slices.Clone(p.Docs)
	p.faults = slices.Clone(p.faults)
	return p
}

// fields returns pointers to the URLs of an authorization server, some of which
// are templates.
func (o *OAuth) fields() []*string {
	return []*string{
		&o.Issuer, &o.AuthorizationEndpoint, &o.TokenEndpoint, &o.RegistrationEndpoint,
		&o.RevocationEndpoint, &o.ResourceMetadata, &o.Resource,
	}
}

// strings returns the values of fields, and the issuers of other URLs.
func (o *OAuth) strings() []string {
	s := slices.Sorted(maps.Values(o.Issuers))
	for _, f := range o.fields() {
		s = append(s, *f)
	}
	return s
}
