/* What a safetensors file calls tensors, and a GGUF file. */
#include "model/hf_internal.h"

#include <stdio.h>
#include <string.h>

static const struct name {
    const char *hf, *gguf;
} of_model[] = {
    {"model.embed_tokens.weight", "token_embd.weight"},
    {"model.norm.weight", "output_norm.weight"},
    {"lm_head.weight", "output.weight"},
};

/* Behind "model.layers.N.", less ".weight" or ".bias". */
static const struct name of_layer[] = {
    {"input_layernorm", "attn_norm"},
    {"self_attn.q_proj", "attn_q"},
    {"self_attn.k_proj", "attn_k"},
    {"self_attn.v_proj", "attn_v"},
    {"self_attn.qkv_proj", "attn_qkv"},
    {"self_attn.o_proj", "attn_output"},
    {"self_attn.q_norm", "attn_q_norm"},
    {"self_attn.k_norm", "attn_k_norm"},
    {"post_attention_layernorm", "ffn_norm"},
    {"post_feedforward_layernorm", "post_ffw_norm"},
    {"mlp.gate_proj", "ffn_gate"},
    {"mlp.up_proj", "ffn_up"},
    {"mlp.down_proj", "ffn_down"},
    {"mlp.gate_up_proj", "ffn_up"},
    {"mlp.gate", "ffn_gate_inp"},
    {"block_sparse_moe.gate", "ffn_gate_inp"},
    {"mlp.shared_expert_gate", "ffn_gate_inp_shexp"},
    {"mlp.shared_expert.gate_proj", "ffn_gate_shexp"},
    {"mlp.shared_expert.up_proj", "ffn_up_shexp"},
    {"mlp.shared_expert.down_proj", "ffn_down_shexp"},
};

/* Behind "model.layers.N.mlp.experts.E." or "model.layers.N.block_sparse_moe.experts.E." */
static const struct name of_expert[] = {
    {"gate_proj", "ffn_gate"}, {"up_proj", "ffn_up"}, {"down_proj", "ffn_down"},
    {"w1", "ffn_gate"},        {"w3", "ffn_up"},      {"w2", "ffn_down"},
};

static const char *find(const struct name *names, size_t n_names, const char *text, size_t n)
{
    for (size_t i = 0; i < n_names; i++)
        if (strlen(names[i].hf) == n && memcmp(names[i].hf, text, n) == 0)
            return names[i].gguf;
    return NULL;
}

#define FIND(names, text, n) find(names, sizeof(names) / sizeof *(names), text, n)

/* Each is shorter than what it takes the place of. */
static void rename_layered(const char *arch, char *name, int layer, const char *rest)
{
    int expert, n = -1;
    const char *end = strrchr(rest, '.'), *to;
    char kind[8];
    if (!end || snprintf(kind, sizeof kind, "%s", end) >= (int)sizeof kind)
        return;
    if ((sscanf(rest, "mlp.experts.%d.%n", &expert, &n) == 1 && n > 0) ||
        (sscanf(rest, "block_sparse_moe.experts.%d.%n", &expert, &n) == 1 && n > 0)) {
        to = n < end - rest ? FIND(of_expert, rest + n, (size_t)(end - rest - n)) : NULL;
        if (to)
            snprintf(name, PLMR_HF_NAME, "blk.%d.%s.%d%s", layer, to, expert, kind);
        return;
    }
    to = FIND(of_layer, rest, (size_t)(end - rest));
    if (to && strcmp(arch, "olmo2") == 0 && strcmp(to, "ffn_norm") == 0)
        to = "post_attention_norm";
    if (to)
        snprintf(name, PLMR_HF_NAME, "blk.%d.%s%s", layer, to, kind);
}

void plmr_hf_rename(const char *arch, char *name)
{
    int layer, n = -1;
    const char *to = FIND(of_model, name, strlen(name));
    if (to)
        strcpy(name, to);
    else if (sscanf(name, "model.layers.%d.%n", &layer, &n) == 1 && n > 0)
        rename_layered(arch, name, layer, name + n);
}
