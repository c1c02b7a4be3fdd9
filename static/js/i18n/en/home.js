// English: the page to make a meeting.

export default {
  optional: 'optional',

  'home.welcome': 'A room of your own, for as long as you talk.',
  'home.lead':
    'Start a meeting and share its link. When it ends, nothing is left: no recording, no chat, no list of who joined.',
  'home.new': 'New meeting',
  'home.new.options': 'Meeting options',
  'home.join': 'Join',
  'home.join.label': 'Meeting address or ID',
  'home.join.placeholder': 'k7qm-2f9x-w3dj-8hrt',
  'home.join.invalid':
    'That isn’t a meeting address. Paste the whole link, or enter the four groups of four letters and digits.',
  'home.fact.gone': 'Gone when it ends',
  'home.fact.gone.text': {
    one: 'Meetings exist only in memory, for one hour at most.',
    other: 'Meetings exist only in memory, for {n} hours at most.',
  },
  'home.fact.none': 'Nothing is recorded',
  'home.fact.none.text': 'No recordings, no chat history, no analytics.',
  'home.fact.audited': 'Content isn’t recorded',
  'home.fact.audited.text': 'No recordings, no chat history. This server logs who does what, and when.',
  'home.fact.here': 'One server, no third parties',
  'home.fact.here.text': 'This page connects only to the server it came from.',
  'home.nohost': 'You can join meetings on this server, but you can’t create them.',
  'options.title': 'Title',
  'options.title.placeholder': 'Team meeting',
  'options.password': 'Meeting password',
  'options.password.help': 'Everyone who joins must enter it. Don’t send it together with the link.',
  'options.lobby.help': 'You admit people one by one, or all at once.',
  'options.guests': 'Guests',
  'options.guests.help': 'People who haven’t signed in may ask to join. You see that they aren’t verified.',
  'options.leaves': 'When the host leaves',
  'options.leaves.promote': 'Someone else becomes host',
  'options.leaves.keep': 'The meeting continues without a host',
  'options.leaves.end': 'The meeting ends',
  'options.create': 'Create meeting',

  'options.private': 'Hide who’s speaking from the server',
  'options.private.help':
    'Audio levels aren’t sent. No one is shown as speaking, and the loudest speakers get no priority.',
  'options.e2ee': 'End-to-end encryption',
  'options.e2ee.help': 'Only the people in the meeting see, hear and read it. This server doesn’t.',
  'options.e2ee.off':
    'Everyone always sees a notice that this server could see and hear the meeting. You can’t change this later.',

  'options.confidential': 'Confidential meeting',
  'options.confidential.help': 'Encrypted, with a waiting room, without guests. Watermarks show who’s looking.',
  'options.confidential.all':
    'Meetings on this server are confidential: encrypted, with a waiting room and without guests.',
};
