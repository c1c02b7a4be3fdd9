// French: the page to make a meeting.
// Not yet reviewed by a native speaker.

/** @type {import('../i18n.js').Translation<import('../i18n.js').Home>} */
export default {
  optional: 'facultatif',
  'home.welcome': 'Une salle à vous, le temps de parler.',
  'home.lead':
    'Démarrez une réunion et partagez son lien. Quand elle se termine, il ne reste rien : ni enregistrement, ni ' +
    'discussion, ni liste des participants.',
  'home.new': 'Nouvelle réunion',
  'home.new.options': 'Options de la réunion',
  'home.join': 'Rejoindre',
  'home.join.label': 'Adresse ou identifiant de la réunion',
  'home.join.placeholder': 'k7qm-2f9x-w3dj-8hrt',
  'home.join.invalid':
    'Ce n’est pas une adresse de réunion. Collez le lien complet, ou saisissez les quatre groupes de quatre ' +
    'lettres et chiffres.',
  'home.fact.gone': 'Tout disparaît à la fin',
  'home.fact.gone.text': {
    one: 'Les réunions n’existent qu’en mémoire, pendant {n} heure au plus.',
    other: 'Les réunions n’existent qu’en mémoire, pendant {n} heures au plus.',
  },
  'home.fact.none': 'Rien n’est enregistré',
  'home.fact.none.text': 'Ni enregistrements, ni historique de discussion, ni mesures d’audience.',
  'home.fact.audited': 'Le contenu n’est pas enregistré',
  'home.fact.audited.text':
    'Ni enregistrements, ni historique de discussion. Ce serveur consigne qui fait quoi, et quand.',
  'home.fact.here': 'Un seul serveur, aucun tiers',
  'home.fact.here.text': 'Cette page ne se connecte qu’au serveur dont elle vient.',
  'home.nohost': 'Vous pouvez rejoindre des réunions sur ce serveur, mais pas en créer.',
  'options.title': 'Titre',
  'options.title.placeholder': 'Réunion d’équipe',
  'options.password': 'Mot de passe de la réunion',
  'options.password.help': 'Toute personne qui rejoint la réunion doit le saisir. Ne l’envoyez pas avec le lien.',
  'options.lobby.help': 'Vous admettez les personnes une par une, ou toutes à la fois.',
  'options.guests': 'Invités',
  'options.guests.help':
    'Les personnes qui ne se sont pas connectées peuvent demander à rejoindre. Vous voyez qu’elles ne sont pas ' +
    'vérifiées.',
  'options.leaves': 'Quand l’hôte part',
  'options.leaves.promote': 'Une autre personne devient hôte',
  'options.leaves.keep': 'La réunion continue sans hôte',
  'options.leaves.end': 'La réunion se termine',
  'options.create': 'Créer la réunion',
  'options.private': 'Cacher au serveur qui parle',
  'options.private.help':
    'Les niveaux sonores ne sont pas envoyés. Personne n’est montré comme parlant, et les voix les plus fortes ' +
    'n’ont pas la priorité.',
  'options.e2ee': 'Chiffrement de bout en bout',
  'options.e2ee.help': 'Seules les personnes dans la réunion la voient, l’entendent et la lisent. Pas ce serveur.',
  'options.e2ee.off':
    'Tout le monde voit en permanence un avis disant que ce serveur pourrait voir et entendre la réunion. Vous ' +
    'ne pourrez plus changer cela.',
  'options.confidential': 'Réunion confidentielle',
  'options.confidential.help': 'Chiffrée, avec salle d’attente, sans invités. Des filigranes montrent qui regarde.',
  'options.confidential.all':
    'Les réunions sur ce serveur sont confidentielles : chiffrées, avec salle d’attente et sans invités.',
  'rooms.title': 'Vos salles',
  'rooms.lead':
    'Le lien d’une salle reste le même : prévoyez-la, envoyez-le, ouvrez-la autant de fois que vous voulez. ' +
    'Les salles ne sont que sur cet appareil.',
  'rooms.new': 'Nouvelle salle',
  'rooms.make': 'Créer la salle',
  'rooms.made': 'Votre salle est prête. Le lien peut déjà être envoyé ; il y mènera dès que vous l’ouvrirez.',
  'rooms.passing':
    'Ce navigateur n’enregistre rien. La salle disparaît quand vous fermez cette page, sauf si vous ' +
    'l’enregistrez dans un fichier.',
  'rooms.full': 'Salles sur cet appareil : {n} au plus. Effacez-en une d’abord.',
  'rooms.name': 'Nom',
  'rooms.name.empty': 'Donnez un nom à la salle.',
  'rooms.password.help': 'Envoyez-le séparément du lien. Il est conservé avec la salle, sur cet appareil.',
  'rooms.open': 'Ouvrir',
  'rooms.open.named': 'Ouvrir {name}',
  'rooms.more': 'Plus pour {name}',
  'rooms.copy': 'Copier le lien',
  'rooms.copied': 'Lien copié.',
  'rooms.calendar': 'Invitation d’agenda',
  'rooms.calendar.text': 'Les agendas conservent le lien avec sa clé. Qui peut lire l’agenda a aussi la clé.',
  'rooms.invitation': 'Rejoindre la réunion « {title} »',
  'rooms.when': 'Début',
  'rooms.when.empty': 'Choisissez un jour et une heure.',
  'rooms.length': 'Durée',
  'rooms.minutes': '{n} min',
  'rooms.repeat': 'Répétition',
  'rooms.repeat.none': 'Jamais',
  'rooms.repeat.daily': 'Chaque jour',
  'rooms.repeat.weekly': 'Chaque semaine',
  'rooms.repeat.monthly': 'Chaque mois',
  'rooms.export': 'Enregistrer dans un fichier',
  'rooms.export.text':
    'Qui a le fichier peut ouvrir cette salle et y laisser entrer d’autres personnes. Gardez-le comme une clé.',
  'rooms.import': 'Depuis un fichier',
  'rooms.imported': 'Salles ajoutées : {n}',
  'rooms.import.failed': 'Ce n’est pas un fichier de salles, ou il en contient trop.',
  'rooms.erase': 'Effacer',
  'rooms.erase.title': 'Effacer {name} ?',
  'rooms.erase.text':
    'Sans fichier enregistré, son lien ne pourra plus être ouvert et les invitations ne mèneront nulle part.',
  'notopen.title': 'Pas encore ouverte',
  'notopen.text':
    'Pas encore ouverte, ou le lien est incomplet. Vous pourrez demander à entrer dès que l’hôte commencera.',
  'notopen.mine': 'C’est votre réunion. Ceux qui l’attendent pourront demander à entrer dès que vous l’ouvrirez.',
  'notopen.back': 'L’hôte doit rouvrir cette réunion. Vous continuerez automatiquement dès qu’elle sera ouverte.',
  'notopen.now': 'La réunion est maintenant ouverte.',
  'notopen.open': 'Ouvrir',
};
