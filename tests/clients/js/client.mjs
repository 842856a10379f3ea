// Talks to a server with Vercel's SDK and prints what it saw as JSON: node client.mjs BASE_URL KEY QUESTION
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { generateText, stepCountIs, streamText, tool } from "ai";
import { z } from "zod";

const [baseURL, apiKey, question] = process.argv.slice(2);
const model = createOpenAICompatible({ name: "flyball", baseURL, apiKey, includeUsage: true })("pocket");
const settings = { model, maxOutputTokens: 400, temperature: 0, maxRetries: 0 };

const plain = await generateText({ ...settings, prompt: question });

const streamed = streamText({ ...settings, prompt: question });
const kinds = [];
let text = "";
let reasoning = "";
for await (const part of streamed.stream ?? streamed.fullStream) {
  if (kinds.at(-1) !== part.type) kinds.push(part.type);
  if (part.type === "text-delta") text += part.text;
  if (part.type === "reasoning-delta") reasoning += part.text;
}

const asked = [];
const getWeather = tool({
  description: "Look the weather up.",
  inputSchema: z.object({ city: z.enum(["Paris", "Rome"]) }),
  execute: async ({ city }) => {
    asked.push(city);
    return `sunny in ${city}`;
  },
});
const called = await generateText({
  ...settings,
  prompt: "What is the weather in Paris?",
  tools: { getWeather },
  prepareStep: ({ stepNumber }) => ({ toolChoice: stepNumber === 0 ? "required" : "auto" }),
  stopWhen: stepCountIs(2),
});

let refused = null;
try {
  await generateText({ ...settings, prompt: question, temperature: 9 });
} catch (error) {
  refused = { status: error.statusCode, message: error.message };
}

console.log(
  JSON.stringify({
    plain: {
      text: plain.text,
      reasoning: plain.reasoningText,
      finishReason: plain.finishReason,
      usage: plain.usage,
    },
    streamed: { kinds, text, reasoning, finishReason: await streamed.finishReason, usage: await streamed.usage },
    called: {
      asked,
      steps: called.steps.map((step) => ({ finishReason: step.finishReason, calls: step.toolCalls.length })),
      text: called.text,
    },
    refused,
  }),
);
