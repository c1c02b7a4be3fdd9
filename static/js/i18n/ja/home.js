// Japanese: the page to make a meeting.
// Not yet reviewed by a native speaker.

/** @type {import('../i18n.js').Translation<import('../i18n.js').Home>} */
export default {
  optional: '任意',
  'home.welcome': '話している間だけの、あなた専用の部屋。',
  'home.lead': '会議を始めて、リンクを共有しましょう。終了すると、録画もチャットも参加者一覧も、何も残りません。',
  'home.new': '新しい会議',
  'home.new.options': '会議のオプション',
  'home.join': '参加',
  'home.join.label': '会議のアドレスまたは ID',
  'home.join.placeholder': 'k7qm-2f9x-w3dj-8hrt',
  'home.join.invalid':
    '会議のアドレスではありません。リンク全体を貼り付けるか、英数字 4 文字のグループ 4 つを入力してください。',
  'home.fact.gone': '終われば消える',
  'home.fact.gone.text': '会議はメモリー上にだけ、最長 {n} 時間存在します。',
  'home.fact.none': '何も記録されない',
  'home.fact.none.text': '録画も、チャット履歴も、利用状況の分析もありません。',
  'home.fact.audited': '内容は記録されない',
  'home.fact.audited.text': '録画もチャット履歴もありません。このサーバーは、誰がいつ何をしたかを記録します。',
  'home.fact.here': '1 つのサーバー、第三者なし',
  'home.fact.here.text': 'このページは、配信元のサーバーにだけ接続します。',
  'home.nohost': 'このサーバーでは、会議に参加できますが、作成はできません。',
  'options.title': 'タイトル',
  'options.title.placeholder': 'チームミーティング',
  'options.password': '会議のパスワード',
  'options.password.help': '参加する人は全員、入力が必要です。リンクと一緒に送らないでください。',
  'options.lobby.help': '1 人ずつ、または全員をまとめて入室させます。',
  'options.guests': 'ゲスト',
  'options.guests.help': 'サインインしていない人も参加をリクエストできます。未確認であることが表示されます。',
  'options.leaves': 'ホストが退出したとき',
  'options.leaves.promote': 'ほかの人がホストになる',
  'options.leaves.keep': 'ホストなしで会議を続ける',
  'options.leaves.end': '会議を終了する',
  'options.create': '会議を作成',
  'options.private': '誰が話しているかをサーバーに隠す',
  'options.private.help':
    '音声レベルは送信されません。話している人は表示されず、声の大きい人が優先されることもありません。',
  'options.e2ee': 'エンドツーエンド暗号化',
  'options.e2ee.help': '会議にいる人だけが、見て、聞いて、読むことができます。このサーバーにはできません。',
  'options.e2ee.off':
    'このサーバーが会議を見聞きできるという注意が、全員に常に表示されます。これは後から変更できません。',
  'options.confidential': '機密会議',
  'options.confidential.help': '暗号化、待合室あり、ゲストなし。誰が見ているかを透かしで示します。',
  'options.confidential.all': 'このサーバーの会議は機密です。暗号化され、待合室があり、ゲストは参加できません。',
};
