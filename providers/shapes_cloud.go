package providers

// cloudShapes are those of AI platforms, clouds and hosts of code and
// packages: keys that open more than one server, so that no other server may
// see them by mistake. They come from the same public detectors and from the
// vendors' own pages.
var cloudShapes = []shape{
	never("openai_key", "OpenAI", "OpenAI API key", "sk-admin-", `[0-9A-Za-z_-]{20,}`, isOpenAI),
	certain("anthropic_key", "Anthropic", "Anthropic API key", "sk-ant-", `[0-9a-z]+-[0-9A-Za-z_-]{20,}`),
	certain("openrouter_key", "OpenRouter", "OpenRouter API key", "sk-or-v1-", `[0-9a-f]{64}`),
	certain("elevenlabs_key", "ElevenLabs", "ElevenLabs API key", "sk_", `[0-9a-f]{48}`),
	certain("xai_key", "xAI", "xAI API key", "xai-", `[0-9A-Za-z]{40,}`),
	certain("groq_key", "Groq", "Groq API key", "gsk_", `[0-9A-Za-z]{40,}`),
	certain("perplexity_key", "Perplexity", "Perplexity API key", "pplx-", `[0-9A-Za-z]{40,}`),
	certain("replicate_key", "Replicate", "Replicate API token", "r8_", `[0-9A-Za-z]{37}`),
	certain("cerebras_key", "Cerebras", "Cerebras API key", "csk-", `[0-9a-z]{40,}`),
	certain("together_key", "Together", "Together API key", "tgp_v1_", `[0-9A-Za-z_-]{40,}`),
	certain("nvidia_key", "NVIDIA", "NVIDIA API key", "nvapi-", `[0-9A-Za-z_-]{60,}`),
	certain("langsmith_key", "LangChain", "LangSmith API key", "lsv2_", `(pt|sk)_[0-9a-f]{32}_[0-9a-f]{10}`),
	certain("pinecone_key", "Pinecone", "Pinecone API key", "pcsk_", `[0-9A-Za-z]{5,6}_[0-9A-Za-z]{40,}`),
	certain("huggingface", "Hugging Face", "Hugging Face organisation token", "api_org_", `[0-9A-Za-z]{34}`),

	never("aws_key_id", "Amazon", "AWS access key id", "", `(AKIA|ASIA|ABIA|ACCA)[2-7A-Z]{16}`, "It names a key and opens nothing."),
	certain("aws_session", "Amazon", "AWS session token", "", `(IQoJb3JpZ2lu|FwoGZXIvYXdz|FQoGZXIvYXdz)[0-9A-Za-z+/=]{60,}`),
	certain("bedrock_key", "Amazon", "Amazon Bedrock API key", "ABSK", `[0-9A-Za-z+/]{100,}={0,2}`),
	certain("bedrock_key", "Amazon", "Amazon Bedrock API key", "bedrock-api-key-", `[0-9A-Za-z+/=_-]{40,}`),
	never("google_client_secret", "Google", "Google client secret", "GOCSPX-", `[0-9A-Za-z_-]{28}`, ofApplication),
	never("azure_client_secret", "Microsoft", "Microsoft Entra client secret", "", `[0-9A-Za-z_~.]{3}[0-9]Q~[0-9A-Za-z_~.-]{31,34}`, ofApplication),
	certain("azure_key", "Microsoft", "Azure resource key", "", `[0-9A-Za-z]{52}JQQJ9[9DH][0-9A-Za-z][A-L][0-9A-Za-z]{16}[A-Za-z][0-9A-Za-z]{7}([0-9A-Za-z]{2}==)?`),
	certain("azure_storage_key", "Microsoft", "Azure storage key", "", `[0-9A-Za-z+/]{76}\+ASt[0-9A-Za-z+/]{6}==`),
	certain("azure_devops_pat", "Microsoft", "Azure DevOps personal access token", "", `[0-9A-Za-z]{76}AZDO[0-9A-Za-z]{4}`),
	never("alibaba_key_id", "Alibaba", "Alibaba Cloud access key id", "LTAI", `[0-9A-Za-z]{12,20}`, "It names a key and opens nothing."),
	certain("digitalocean", "DigitalOcean", "DigitalOcean token", "do", `[op]_v1_[0-9a-f]{64}`),
	never("digitalocean_refresh", "DigitalOcean", "DigitalOcean refresh token", "dor_v1_", `[0-9a-f]{64}`, isRefresh),
	certain("heroku", "Heroku", "Heroku API token", "HRKU-", `[0-9A-Za-z_-]{36,}`),
	certain("vault", "HashiCorp", "Vault token", "hv", `[sbr]\.[0-9A-Za-z_-]{24,}`),
	certain("terraform", "HashiCorp", "HCP Terraform token", "", `[0-9A-Za-z]{14}\.atlasv1\.[0-9A-Za-z_=-]{60,}`),
	certain("npm", "npm", "npm access token", "npm_", `[0-9A-Za-z]{36}`),
	certain("pypi", "PyPI", "PyPI API token", "pypi-AgE", `[0-9A-Za-z_-]{50,}`),
	certain("docker", "Docker", "Docker access token", "dckr_", `[po]at_[0-9A-Za-z_-]{27,}`),
	certain("sendgrid", "Twilio", "SendGrid API key", "SG.", `[0-9A-Za-z_-]{22}\.[0-9A-Za-z_-]{43}`),
	certain("postman", "Postman", "Postman API key", "PMAK-", `[0-9a-f]{24}-[0-9a-f]{34}`),
	certain("new_relic", "New Relic", "New Relic user key", "NRAK-", `[0-9A-Z]{27}`),

	// Many platforms and gateways make keys with this prefix, so it stands last.
	likely(kindAIKey, "", "API key of an AI platform", "sk-", `[0-9A-Za-z_-]{20,}`),
}

// kindAIKey is the kind of keys that are surely of an AI platform, if they are
// not a server's own, and do not tell of which.
const kindAIKey TokenKind = "ai_key"

const ofApplication = "It belongs to the application and is never sent to an MCP server."
