/** How a provider of mail is reached. */
export interface EmailProvider {
  name: string;
  /** Empty where people know it themselves. */
  smtpHost: string;
  smtpPort: number;
  /** TLS from the first byte. */
  tls: boolean;
  /** TLS after STARTTLS. */
  startTLS: boolean;
  authRequired: boolean;
  /** For people. */
  instructions: string;
}

/** All of them take STARTTLS on the port of submission. Source: RFC 6409, and each provider's documentation of its SMTP relay. */
function provider(name: string, smtpHost: string, instructions: string): EmailProvider {
  return { name, smtpHost, smtpPort: 587, tls: false, startTLS: true, authRequired: true, instructions };
}

/** Presets for people who set up mail. */
export const emailProviders: readonly EmailProvider[] = [
  provider(
    'Gmail',
    'smtp.gmail.com',
    'Switch on 2-step verification, create an app password, and use it with your address.',
  ),
  provider('SendGrid', 'smtp.sendgrid.net', 'The user name is "apikey", the password an API key that may send mail.'),
  provider(
    'Mailgun',
    'smtp.mailgun.org',
    'Use the SMTP credentials of your domain. In the EU the server is smtp.eu.mailgun.org.',
  ),
  provider(
    'Amazon SES',
    'email-smtp.us-east-1.amazonaws.com',
    'Create SMTP credentials in the console of SES, and put your region into the name of the server.',
  ),
  provider(
    'Microsoft 365',
    'smtp.office365.com',
    'SMTP AUTH must be switched on for the mailbox. Use its address and its password or app password.',
  ),
  provider('Brevo', 'smtp-relay.brevo.com', 'Use the login and the SMTP key of the page "SMTP & API".'),
  provider('Postmark', 'smtp.postmarkapp.com', 'User name and password are both the Server API token.'),
  provider('SparkPost', 'smtp.sparkpostmail.com', 'The user name is "SMTP_Injection", the password an API key.'),
  provider('Resend', 'smtp.resend.com', 'The user name is "resend", the password an API key.'),
  {
    ...provider('Custom', '', 'Enter your mail server. Choose TLS for port 465 and STARTTLS for port 587.'),
    authRequired: false,
  },
];
