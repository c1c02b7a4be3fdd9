// Japanese: the connection check.
// Not yet reviewed by a native speaker.

/** @type {import('../i18n.js').Translation<import('../i18n.js').Check>} */
export default {
  'check.title': '接続チェック',
  'check.lead':
    'このページでは、会議に必要なものをテストします。ブロックされているものがあれば、それが何か、誰が解決できるかをお知らせします。',
  'check.scope':
    'サインインも会議も必要ありません。音声と映像には最大 4 つの経路があります。1 つでも使えれば十分です。',
  'check.run': 'チェックを開始',
  'check.running': 'チェック中…',
  'check.again': 'もう一度チェック',
  'check.browser': 'ブラウザー',
  'check.browser.ok': 'このブラウザーは、会議に必要なすべてに対応しています。',
  'check.browser.bad': 'このブラウザーは {what} に対応していません。https で最新のブラウザーを使ってください。',
  'check.server': 'サーバー',
  'check.server.ok': 'サーバーは {ms} ミリ秒で応答します。',
  'check.server.bad': 'サーバーが応答していません。ネットワークかサーバーが停止している可能性があります。',
  'check.socket': 'WebSocket',
  'check.socket.ok': 'シグナリングチャネルは使えます。',
  'check.socket.bad':
    'プロキシ、ファイアウォール、またはウイルス対策ソフトが WebSocket をブロックしているため、参加できません。ネットワーク管理者に問い合わせてください。',
  'check.udp': 'UDP による音声と映像',
  'check.udp.ok': '最良の経路です。往復に {ms} ミリ秒かかります。',
  'check.udp.bad':
    'あなたとサーバーの間のファイアウォールが UDP をブロックしています。会議には、下の経路のいずれかが必要です。',
  'check.udp.none': 'このサーバーでは提供されていません。',
  'check.tcp': 'TCP 経由（ICE-TCP）',
  'check.tcp.ok': 'UDP がブロックされているときに使います。往復に {ms} ミリ秒かかります。',
  'check.tcp.bad': 'ファイアウォールまたはプロキシが、直接の TCP 接続を通しません。',
  'check.tcp.none': 'このサーバーでは提供されていません。',
  'check.turn': 'TCP で中継サーバー経由（TURN）',
  'check.turn.ok': '直接接続がブロックされているときに使います。往復に {ms} ミリ秒かかります。',
  'check.turn.bad': 'ファイアウォールまたはプロキシが、中継サーバーへの接続を通しません。',
  'check.turn.none': 'このサーバーでは提供されていません。',
  'check.turns': 'TLS で中継サーバー経由（TURN）',
  'check.turns.ok':
    'Web 通信だけが許可されている場所で使います。HTTPS のように見えます。往復に {ms} ミリ秒かかります。',
  'check.turns.bad':
    'プロキシまたはウイルス対策ソフトが、暗号化された接続を検査しているか、HTTPS だけを許可しています。',
  'check.turns.none': 'このサーバーでは提供されていません。専用の証明書とホスト名が必要です。',
  'check.after.server': '未テスト：サーバーが応答しませんでした。',
  'check.busy': '未テスト：サーバーが混み合っています。1 分後にもう一度お試しください。',
  'check.best': 'このネットワークで会議に参加できます',
  'check.best.text': '音声と映像は、最良の経路である UDP を使います。',
  'check.detour': 'このネットワークでは、迂回して会議に参加できます',
  'check.detour.text':
    'UDP がブロックされているため、音声と映像は TCP を使います。使えますが、ネットワークが遅いと途切れることがあります。',
  'check.blocked': 'このネットワークでは会議に参加できません',
  'check.blocked.text':
    '音声と映像のすべての経路がブロックされています。スマートフォンのテザリングなど、別のネットワークなら使える可能性があります。',
  'check.admin': 'ネットワーク管理者に伝える内容',
  'check.admin.text':
    '{host}（{where}）への UDP および TCP ポート {port} を許可してください。ブラウザーは会議の音声と映像をそこへ送信し、常に暗号化（DTLS-SRTP）します。ほかのサーバーには送信しません' +
    '。',
  'check.operator':
    'どこからも誰も参加できない場合は、サーバーのアドレスまたはポートの設定が間違っています。運営者に知らせてください。',
  'check.devices': 'デバイス',
  'check.devices.ok': 'マイクとカメラが合わせて {n} 台見つかりました。',
  'check.devices.none': 'マイクもカメラも見つかりません。それでも視聴できます。',
  'check.signin': 'シグナリングチャネルもテストするには、サインインしてください。',
  'check.status.ok': '使用可能',
  'check.status.bad': 'ブロック',
  'check.status.warn': '注意',
  'check.status.none': '提供なし',
  'check.status.run': 'テスト中…',
  'check.status.wait': '未テスト',
};
