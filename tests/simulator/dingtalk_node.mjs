// The official Stream client for Node, pointed at a simulated DingTalk: what it hears it prints, a line of JSON each.
// node dingtalk_node.mjs MODULES BASE CLIENT_ID CLIENT_SECRET
const [modules, base, clientId, clientSecret] = process.argv.slice(2);
const { default: axios } = await import(`${modules}/axios/index.js`);
const { DWClient, TOPIC_CARD, TOPIC_ROBOT } = await import(`${modules}/dingtalk-stream/dist/index.mjs`);

axios.interceptors.request.use((request) => {
  request.url = request.url.replace("https://api.dingtalk.com", base); // its address is no setting
  return request;
});
console.info = () => {}; // the client talks on the channel that carries what was heard
const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);

const client = new DWClient({ clientId, clientSecret });
client.reconnectInterval = 50;
client.registerAllEventListener((message) => {
  say({ kind: "event", name: message.headers.eventType, data: JSON.parse(message.data) });
  return { status: "SUCCESS" };
});
client.registerCallbackListener(TOPIC_ROBOT, (message) => {
  const { senderStaffId, text } = JSON.parse(message.data);
  say({ kind: "robot", who: senderStaffId, text: text.content });
  client.socketCallBackResponse(message.headers.messageId, null);
});
client.registerCallbackListener(TOPIC_CARD, (message) => {
  const { userId, outTrackId, content } = JSON.parse(message.data);
  say({ kind: "card", who: userId, card: outTrackId, content: JSON.parse(content) });
  const shown = { cardData: { cardParamMap: { done: "true", status: "已接受" } } };
  client.socketCallBackResponse(message.headers.messageId, { ...shown, cardUpdateOptions: { updateCardDataByKey: true } });
});
await client.connect();
say({ kind: "connected" });
